/** `waystation map <file>`: what a message would become, without a gateway: FHIR on standard output, what was not carried on standard error. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { peerDirectory } from '../config/peers.ts';
import type { Shown } from './map-file.ts';
import { loadedConfig, requirePeer } from './settings.ts';
import { CliError, EXIT, printable, sayJson } from './terminal.ts';

export function mapCommand(): Command {
  return new Command('map')
    .description('show what an HL7 v2 message or a DICOM file becomes in FHIR; no gateway is needed')
    .argument('<file>', 'the message, or - for standard input')
    .option('--peer <name>', 'map as if this configured peer had sent it')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: { peer?: string }, called: Command) => {
      const { config, json } = called.optsWithGlobals();
      process.exitCode = await map(file, options.peer, config, json === true);
    });
}

async function map(file: string, peer: string | undefined, config: string | undefined, json: boolean): Promise<number> {
  const bytes = read(file);
  const loaded = loadedConfig(config).config;
  requirePeer(loaded, peer ?? '');
  // Loaded here: only this command needs all of mapping.
  const { showMapping } = await import('./map-file.ts');
  const shown = await showMapping(bytes, peerDirectory(loaded), peer ?? '');
  if (json) sayJson(shown);
  else tell(shown);
  return shown.refused === '' ? EXIT.done : EXIT.refused;
}

function read(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    throw new CliError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, '', EXIT.usage);
  }
}

function tell({ refused, held, bundle, gaps, parts }: Shown): void {
  const lost = gaps.map(({ path, reason, value }) => `not carried: ${path}: ${reason}${value === undefined ? '' : `: ${value}`}`);
  const lines = refused === '' ? [...lost, ...(held === '' ? [] : [`held: ${held}`])] : [`refused: ${refused}`];
  const keys = parts.map(({ kind, keys: found }) => `${kind}: ${found.map((key) => `${key.kind} ${key.value}`).join(', ')}`);
  process.stderr.write(`${printable([...keys, ...lines].join('\n'))}\n`);
  if (refused === '') sayJson(bundle);
}

const EXAMPLES = `
Examples:
  npx waystation map order.hl7
  npx waystation map slice.dcm --json           with the case keys and the gaps in one JSON value
  npx waystation map order.hl7 --peer north-ris`;
