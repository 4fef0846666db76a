/** `waystation destination`: what waits for each, stop sending there and go on, ask whether it answers. */
import { Command } from 'commander';
import type { Accepted, DestinationLine, Page } from '../endpoints/operations/contract.ts';
import { checkDestination } from './destination-check.ts';
import { findGateway, type Reach } from './gateway-client.ts';
import { columns, moment, say, sayJson } from './terminal.ts';

type Options = Reach & { json?: boolean; why?: string };

export function destinationCommand(): Command {
  const command = new Command('destination')
    .description('where answers go: list, pause, resume, check, set-aside')
    .addHelpText('after', EXAMPLES);
  command
    .command('list', { isDefault: true })
    .description('what waits for each destination, and who has paused it')
    .action((_options, called: Command) => list(called.optsWithGlobals()));
  command
    .command('pause')
    .description('send nothing there until it is resumed; what is under way ends')
    .argument('<destination>')
    .option('--why <reason>', 'said in the list')
    .action((name: string, _options, called: Command) => pause(name, called.optsWithGlobals()));
  command
    .command('resume')
    .description('go on sending where it was paused')
    .argument('<destination>')
    .action((name: string, _options, called: Command) => resume(name, called.optsWithGlobals()));
  command
    .command('check')
    .description('ask a PACS by C-ECHO whether it answers, as the configuration has it; no gateway is needed')
    .argument('<destination>')
    .action((name: string, _options, called: Command) => checkDestination(name, called.optsWithGlobals()));
  command
    .command('set-aside')
    .description('take a delivery that holds its lane out of it, so that what is behind it goes on')
    .argument('<delivery>', 'its id, as `waystation replay` lists it')
    .action((id: string, _options, called: Command) => setAside(id, called.optsWithGlobals()));
  return command;
}

async function list(options: Options): Promise<void> {
  const gateway = await findGateway(options);
  const page = await gateway.get<Page<DestinationLine>>('/destinations');
  if (options.json) return sayJson(page);
  if (page.rows.length === 0) return say('no destination is sent to');
  const rows = page.rows.map(({ destination, waiting, oldest, held, dead, paused }) => [
    destination,
    `${waiting} waiting${oldest === null ? '' : ` since ${moment(oldest)}`}`,
    held > 0 ? `${held} held` : '',
    dead > 0 ? `${dead} set aside` : '',
    paused ? `paused by ${paused.by} ${moment(paused.at)}${paused.why === '' ? '' : `: ${paused.why}`}` : '',
  ]);
  say(columns(rows));
}

async function pause(name: string, options: Options): Promise<void> {
  const gateway = await findGateway(options);
  const accepted = await gateway.post<Accepted>(`/destinations/${encodeURIComponent(name)}/pause`, { why: options.why ?? '' });
  if (options.json) sayJson(accepted);
  else say(`nothing more is sent to ${name} until \`npx waystation destination resume ${name}\``);
}

async function resume(name: string, options: Options): Promise<void> {
  const gateway = await findGateway(options);
  const accepted = await gateway.post<Accepted>(`/destinations/${encodeURIComponent(name)}/resume`);
  if (options.json) sayJson(accepted);
  else say(`${name} is sent to again`);
}

async function setAside(id: string, options: Options): Promise<void> {
  const gateway = await findGateway(options);
  const accepted = await gateway.post<Accepted>(`/deliveries/${encodeURIComponent(id)}/set-aside`);
  if (options.json) sayJson(accepted);
  else say(`delivery ${id} is set aside, and its lane goes on`);
}

const EXAMPLES = `
Examples:
  npx waystation destination
  npx waystation destination pause north-ris --why "their RIS is being upgraded"
  npx waystation destination resume north-ris
  npx waystation destination check reading-pacs
  npx waystation destination set-aside 0190e2a4-7b1c-7def-8000-0242ac120002`;
