/** `waystation journal`: what came, what became of it, and its bytes when asked for. */
import { Command, Option } from 'commander';
import type { JournalLine, JournalView, Page } from '../endpoints/operations/contract.ts';
import type { Gap } from '../model/mapped.ts';
import { findGateway, type Reach } from './gateway-client.ts';
import { columns, moment, say, sayJson, wholeNumber } from './terminal.ts';

type Options = Reach & { json?: boolean; state?: string; peer?: string; limit?: string; before?: string; bytes?: boolean };

export function journalCommand(): Command {
  const command = new Command('journal').description('what came in and what became of it').addHelpText('after', EXAMPLES);
  command
    .command('list', { isDefault: true })
    .description('entries, the newest first')
    .addOption(new Option('--state <state>', 'only these').choices(['waiting', 'done', 'ignored', 'refused', 'failed', 'held']))
    .option('--peer <name>', 'of this sender only')
    .option('--before <seq>', 'older than this entry')
    .option('--limit <n>', 'at most this many', wholeNumber, '50')
    .action((_options, called: Command) => list(called.optsWithGlobals()));
  command
    .command('show')
    .description('one entry, with what of it was not carried: values of a patient, so it is audited')
    .argument('<seq>', 'its number')
    .option('--bytes', 'with what was received and answered')
    .action((seq: string, _options, called: Command) => show(seq, called.optsWithGlobals()));
  return command;
}

async function list(options: Options): Promise<void> {
  const { state = '', peer = '', before = '', limit = '' } = options;
  const gateway = await findGateway(options);
  const page = await gateway.get<Page<JournalLine>>(`/journal?${new URLSearchParams({ state, peer, before, limit })}`);
  if (options.json) return sayJson(page);
  if (page.rows.length === 0) return say('no entries');
  say(columns([['ENTRY', 'RECEIVED', 'FROM', 'TYPE', 'CONTROL ID', 'STATE', ''], ...page.rows.map(line)]));
  if (page.next !== null) say(`\nolder ones with --before ${page.next}`);
}

async function show(seq: string, options: Options): Promise<void> {
  const gateway = await findGateway(options);
  const view = await gateway.get<JournalView>(`/journal/${encodeURIComponent(seq)}?loss=true&bytes=${options.bytes === true}`);
  if (options.json) return sayJson(view);
  say(columns(facts(view), '  '));
  if (view.loss !== null && view.loss.length > 0) say(`\nnot carried\n${columns(view.loss.map(lost), '  ')}`);
  if (view.payload !== null) say(`\nreceived\n${content(view.payload)}`);
  if (view.answer) say(`\nanswered\n${content(view.answer)}`);
}

function line({ seq, received, peer, type, controlId, state, detail }: JournalLine): string[] {
  return [String(seq), moment(received), peer, type, controlId || '-', state, detail];
}

function lost({ path, value = '', reason }: Gap): string[] {
  return [path, value || '-', reason];
}

function facts(view: JournalView): string[][] {
  return [
    ['entry', `${view.seq}, ${view.kind}, ${view.bytes} bytes, received ${moment(view.received)}`],
    ['from', view.peer],
    ['type', view.type],
    ['control id', `${view.controlId}${view.reusedControlId ? ' (used before with other bytes)' : ''}`],
    ['state', view.detail === '' ? view.state : `${view.state}: ${view.detail}`],
    ['made', view.produced.join(', ')],
    ['cases', view.cases.join(', ')],
    ['written', view.effects.join(', ')],
    ['sha-256', view.digest],
    ['object', view.blob ?? ''],
  ].filter(([, value]) => value !== '');
}

/** HL7 v2 ends its segments with a carriage return. */
function content(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8').replaceAll(/\r\n?/g, '\n').trimEnd().replaceAll(/^/gm, '  ');
}

const EXAMPLES = `
Examples:
  npx waystation journal                        the newest 50
  npx waystation journal list --state failed    what waits for a person
  npx waystation journal list --state held      what has codes that nobody has mapped yet
  npx waystation journal show 1042              what became of it, and what of it was not carried
  npx waystation journal show 1042 --bytes      the message as it came, and what was answered
  npx waystation replay 1042                    through the corridor once more`;
