/** `waystation pseudonym`: whose something is that was sent de-identified and came back. */
import { Command } from 'commander';
import type { Page, PseudonymLine } from '../endpoints/operations/contract.ts';
import { findGateway, type Reach } from './gateway-client.ts';
import { columns, say, sayJson } from './terminal.ts';

type Options = Reach & { json?: boolean };

export function pseudonymCommand(): Command {
  return new Command('pseudonym')
    .description('what a UID or patient identifier that was sent de-identified stands for (audited)')
    .argument('<value>', 'a UID or Patient ID, as it came back')
    .action((value: string, _options, called: Command) => show(value, called.optsWithGlobals()))
    .addHelpText('after', EXAMPLES);
}

async function show(value: string, options: Options): Promise<void> {
  const page = await (await findGateway(options)).get<Page<PseudonymLine>>(`/pseudonyms/${encodeURIComponent(value)}`);
  if (options.json) return sayJson(page);
  const lines = page.rows.map(({ destination, kind, original, issuer }) => [
    `sent to ${destination}`,
    kind === 'uid' ? 'UID' : 'patient',
    issuer === '' ? original : `${original}  (${issuer})`,
  ]);
  say(columns(lines, ''));
}

const EXAMPLES = `
Examples:
  npx waystation pseudonym 2.25.1893…       the UID that was sent under it
  npx waystation pseudonym P51F0A9…      the patient identifier`;
