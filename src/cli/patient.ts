/** `waystation patient`: the records behind a number, and a merge that was an error. */
import { Command } from 'commander';
import type { Accepted, Page, PatientLine, UnmergeRequest } from '../endpoints/operations/contract.ts';
import { findGateway, type Reach } from './gateway-client.ts';
import { settled } from './settled.ts';
import { CliError, columns, EXIT, moment, say, sayJson } from './terminal.ts';

type Options = Reach & { json?: boolean; why?: string };

export function patientCommand(): Command {
  const command = new Command('patient').description('the records behind a patient number; undo a merge').addHelpText('after', EXAMPLES);
  command
    .command('show', { isDefault: true })
    .description('every record that a number leads to or led to, and its merges')
    .argument('<number>', 'a patient number, or the id of a Patient')
    .action((number: string, _options, called: Command) => show(number, called.optsWithGlobals()));
  command
    .command('unmerge')
    .description('undo the merge of a record into another: it stands again, with its numbers and its cases')
    .argument('<id>', 'the Patient that was merged')
    .requiredOption('--why <text>', 'kept in the journal and in the timeline of each case')
    .action((id: string, _options, called: Command) => unmerge(id, called.optsWithGlobals()));
  return command;
}

async function show(number: string, options: Options): Promise<void> {
  const page = await (await findGateway(options)).get<Page<PatientLine>>(`/patients/${encodeURIComponent(number)}`);
  if (options.json) return sayJson(page);
  say(page.rows.map(recordText).join('\n\n'));
}

function recordText({ patient, replacedBy, numbers, merges }: PatientLine): string {
  const facts = [
    ...numbers.map(({ system, value, old }) => [old ? 'old number' : 'number', `${value}  (${system})`]),
    ...merges.map(({ merged, survivor, at, seq, undone }) => [
      undone ? 'undone' : 'merge',
      `${merged} into ${survivor} at ${moment(at)} (#${seq})${undone ? `, undone at ${moment(undone)}` : ''}`,
    ]),
  ];
  return [replacedBy === '' ? patient : `${patient}, replaced by ${replacedBy}`, columns(facts, '  ')].join('\n');
}

async function unmerge(named: string, options: Options): Promise<void> {
  const gateway = await findGateway(options);
  const id = named.replace(/^Patient\//, '');
  const { seq } = await gateway.post<Accepted>(`/patients/${encodeURIComponent(id)}/unmerge`, {
    why: options.why ?? '',
  } satisfies UnmergeRequest);
  const { state, detail } = await settled(gateway, seq);
  if (state === 'failed') throw new CliError(detail, '', EXIT.refused);
  await show(id, options);
}

const EXAMPLES = `
Examples:
  npx waystation patient 4711                               its records, its merges
  npx waystation patient unmerge 01936c1e-… --why "two persons of the same name"`;
