/** `waystation client`: who may call over HTTP. */
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  CLIENT_NAME,
  CLIENT_NAME_RULE,
  type ClientLine,
  type ClientRequest,
  type NewClient,
  type Page,
} from '../endpoints/operations/contract.ts';
import { findGateway, type Reach } from './gateway-client.ts';
import { columns, moment, say, sayJson } from './terminal.ts';

type Options = Reach & { json?: boolean; group?: string };

export function clientCommand(): Command {
  const command = new Command('client').description('who may call over HTTP: add, list, revoke').addHelpText('after', EXAMPLES);
  command
    .command('add')
    .description('add a client and print its token; it is never shown again')
    .argument('<name>', 'letters, digits, dot, dash, underscore', clientName)
    .addOption(new Option('--role <role>', 'what it may do').choices(['reader', 'origin', 'operator']).makeOptionMandatory())
    .option('--group <group>', 'whose cases it sees: a reading group, or its own name', clientName)
    .action((name: string, _options, called: Command) => add(name, called.optsWithGlobals()));
  command
    .command('list', { isDefault: true })
    .description('all clients, revoked ones included')
    .action((_options, called: Command) => list(called.optsWithGlobals()));
  command
    .command('revoke')
    .description('take the token of a client away, at once')
    .argument('<name>')
    .action((name: string, _options, called: Command) => revoke(name, called.optsWithGlobals()));
  return command;
}

function clientName(text: string): string {
  if (!CLIENT_NAME.test(text)) throw new InvalidArgumentError(`A name is ${CLIENT_NAME_RULE}.`);
  return text;
}

async function add(name: string, options: Options & Pick<ClientRequest, 'role'>): Promise<void> {
  const gateway = await findGateway(options);
  const asked: ClientRequest = { client: name, group: options.group ?? name, role: options.role };
  const client = await gateway.post<NewClient>('/clients', asked);
  if (options.json) return sayJson(client);
  say(`${client.client} is a client with the role ${client.role} in group ${client.group}; its token, shown only now:\n\n${client.token}`);
}

async function list(options: Options): Promise<void> {
  const gateway = await findGateway(options);
  const page = await gateway.get<Page<ClientLine>>('/clients');
  if (options.json) return sayJson(page);
  if (page.rows.length === 0) return say('no clients: add one with `npx waystation client add <name> --role reader --group readers`');
  const rows = page.rows.map(({ client, role, group, created, revoked }) => [
    client,
    role,
    group,
    moment(created),
    revoked ? `revoked ${moment(revoked)}` : '',
  ]);
  say(columns([['CLIENT', 'ROLE', 'GROUP', 'SINCE', ''], ...rows]));
}

async function revoke(name: string, options: Options): Promise<void> {
  const gateway = await findGateway(options);
  const accepted = await gateway.delete(`/clients/${encodeURIComponent(name)}`);
  if (options.json) sayJson(accepted);
  else say(`the token of ${name} is no longer taken`);
}

const EXAMPLES = `
Roles:
  reader    a specialist: finds Tasks of its group, claims, reads, reports
  origin    a hospital or practice that asks by FHIR and gets its answers there
  operator  everything, and the operations door

Examples:
  npx waystation client add dr-ada --role reader --group readers
  npx waystation client add clinic --role origin
  npx waystation client revoke dr-ada`;
