/** `waystation gaps`: which paths and codes of which sender are not carried into FHIR, how often, and where to see one. */
import { Command } from 'commander';
import type { GapLine, Page } from '../endpoints/operations/contract.ts';
import { findGateway, type Reach } from './gateway-client.ts';
import { columns, moment, say, sayJson, wholeNumber } from './terminal.ts';

type Options = Reach & { json?: boolean; peer?: string; codes?: boolean; before?: string; limit?: string };

export function gapsCommand(): Command {
  return new Command('gaps')
    .description('what is not carried into FHIR, over all messages: the most frequent first')
    .option('--peer <name>', 'of this sender only')
    .option('--codes', 'only codes that no table knows: the configuration of the peer can map them')
    .option('--before <place>', 'where the list before ended')
    .option('--limit <n>', 'at most this many', wholeNumber, '50')
    .addHelpText('after', EXAMPLES)
    .action((_options, called: Command) => list(called.optsWithGlobals()));
}

async function list(options: Options): Promise<void> {
  const { peer = '', codes = false, before = '', limit = '' } = options;
  const gateway = await findGateway(options);
  const page = await gateway.get<Page<GapLine>>(`/gaps?${new URLSearchParams({ peer, codes: String(codes), before, limit })}`);
  if (options.json) return sayJson(page);
  if (page.rows.length === 0) return say('nothing');
  say(columns([['TIMES', 'FROM', 'TYPE', 'PATH', 'CODE', 'LAST IN', 'AT', 'WHY'], ...page.rows.map(line)]));
  if (page.next !== null) say(`\nmore with --before ${page.next}`);
}

function line({ times, peer, type, path, code, lastSeq, lastSeen, reason }: GapLine): string[] {
  return [String(times), peer, type, path, code || '-', String(lastSeq), moment(lastSeen), reason];
}

const EXAMPLES = `
Examples:
  npx waystation gaps --codes                    codes to map, or to ask the sender about
  npx waystation gaps --peer north-hospital
  npx waystation journal show 1042               all that was not carried of one message`;
