/** `waystation case`: the cases, one of them hop by hop, and letting one go that waits for its package. */
import { Command, Option } from 'commander';
import type { Accepted, CaseLine, CaseView, Page, ReleaseRequest } from '../endpoints/operations/contract.ts';
import { caseText } from './case-text.ts';
import { findGateway, type Reach } from './gateway-client.ts';
import { settled } from './settled.ts';
import { columns, moment, say, sayJson, wholeNumber } from './terminal.ts';

type Options = Reach & { json?: boolean; phase?: string; limit?: string; before?: string; why?: string };

export function caseCommand(): Command {
  const command = new Command('case')
    .description('show a case hop by hop, list cases, release one')
    .argument('<id>', 'id of the case or of its Task; accession, placer or filler number; Study Instance UID')
    .addHelpText('after', EXAMPLES)
    .action((id: string, _options, called: Command) => show(id, called.optsWithGlobals()));
  command
    .command('list')
    .description('cases, the last changed first')
    .addOption(
      new Option('--phase <phase>', 'only these').choices(['assembling', 'requested', 'claimed', 'reported', 'closed', 'cancelled']),
    )
    .option('--before <place>', 'go on where a list ended')
    .option('--limit <n>', 'at most this many', wholeNumber, '50')
    .action((_options, called: Command) => list(called.optsWithGlobals()));
  command
    .command('release')
    .description('offer a case to its readers before its package is whole')
    .argument('<id>', 'as above')
    .requiredOption('--why <text>', 'the reason; it stands in the timeline (no patient data)')
    .action((id: string, _options, called: Command) => release(id, called.optsWithGlobals()));
  return command;
}

async function show(id: string, options: Options): Promise<void> {
  const gateway = await findGateway(options);
  const view = await gateway.get<CaseView>(`/cases/${encodeURIComponent(id)}`);
  if (options.json) sayJson(view);
  else say(caseText(view));
}

async function list(options: Options): Promise<void> {
  const gateway = await findGateway(options);
  const { phase = '', limit = '', before = '' } = options;
  const query = new URLSearchParams({ phase, limit, before });
  const page = await gateway.get<Page<CaseLine>>(`/cases?${query}`);
  if (options.json) return sayJson(page);
  if (page.rows.length === 0) return say('no cases');
  const rows = page.rows.map((row) => [row.id, row.phase, row.specialty, row.group || '-', moment(row.updated)]);
  say(columns([['CASE', 'PHASE', 'SPECIALTY', 'GROUP', 'CHANGED'], ...rows]));
  if (page.next !== null) say(`\nolder ones with --before ${page.next}`);
}

async function release(id: string, options: Options): Promise<void> {
  const gateway = await findGateway(options);
  const { seq } = await gateway.post<Accepted>(`/cases/${encodeURIComponent(id)}/release`, {
    why: options.why ?? '',
  } satisfies ReleaseRequest);
  await settled(gateway, seq);
  await show(id, options);
}

const EXAMPLES = `
Examples:
  npx waystation case ACC-1001                              its timeline, and what is waited for
  npx waystation case list --phase assembling
  npx waystation case release ACC-1001 --why "images follow on disc"`;
