/** `waystation check [file]`: every fault of a configuration at once, without starting anything. */
import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { type ConfigFault, faultText } from '../config/source.ts';
import { surroundings } from '../config/surroundings-store.ts';
import type { Config, MllpListener } from '../model/config.ts';
import type { Samples } from './check-samples.ts';
import { requirePeer } from './settings.ts';
import { columns, EXIT, say, sayJson } from './terminal.ts';

export function checkCommand(): Command {
  return new Command('check')
    .description('check a configuration and show what it comes to; nothing is started')
    .argument('[file]', 'waystation.yaml where it is not named')
    .option('--samples <directory>', 'map the .hl7 files there, and show what the overrides of their peers did')
    .option('--peer <name>', 'map the samples as if this configured peer had sent them')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string | undefined, options: SampleOptions, command: Command) => {
      const { config, json } = command.optsWithGlobals();
      process.exitCode = await check(file ?? config, options, json === true);
    });
}

type SampleOptions = { readonly samples?: string; readonly peer?: string };

async function check(file: string | undefined, { samples, peer }: SampleOptions, json: boolean): Promise<number> {
  const loaded = loadConfig({ ...surroundings(), file });
  if ('faults' in loaded) {
    if (json) sayJson({ faults: loaded.faults });
    else say(faultList(loaded.faults));
    return EXIT.config;
  }
  const { config, warnings, file: read } = loaded;
  const tried = samples === undefined ? null : await trySamples(samples, config, peer ?? '');
  if (json) sayJson({ faults: [], warnings, file: read, ...tried?.samples });
  else
    say(
      [...warnings.map((warning) => `warning: ${faultText(warning)}`), summary(config, read), ...(tried ? ['', tried.text] : [])].join(
        '\n',
      ),
    );
  return tried?.samples.samples.some(({ refused }) => refused !== '') ? EXIT.config : EXIT.done;
}

async function trySamples(directory: string, config: Config, peer: string): Promise<{ samples: Samples; text: string }> {
  requirePeer(config, peer);
  // Loaded here: without samples, nothing of mapping is needed.
  const { checkSamples, samplesText } = await import('./check-samples.ts');
  const samples = checkSamples(directory, config, peer);
  return { samples, text: samplesText(samples) };
}

function faultList(faults: readonly ConfigFault[]): string {
  return [...faults.map(faultText), '', `${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`].join('\n');
}

/** What holds, in a few lines; no secret is among them. */
function summary(config: Config, file: string): string {
  const { mllp, dimse, http } = config;
  const rows = [
    ['doors', `${mllp.map(mllpDoor).join(', ')}, dimse ${dimse.aeTitle}@${dimse.host}:${dimse.port}, http ${http.host}:${http.port}`],
    ['data', config.dataDirectory],
    ['database', config.databaseUrl === '' ? 'embedded' : 'of your own'],
    ['peers', named(config.peers) || 'none configured'],
    ['unknown peers', config.unknownPeers === 'accept' ? 'accepted' : 'refused'],
    ['destinations', config.destinations.map(({ name, kind }) => `${name} (${kind})`).join(', ')],
    ['routes', config.routes.map(({ when, to }) => `${conditions(when)} → ${to}`).join('; ')],
    ['signers', named(config.signers) || 'none: no report can be signed'],
    ['specialties', `${named(config.specialties)}; ${config.defaultSpecialty} where nothing says`],
  ];
  return `${file || 'defaults, without a file'}: no faults\n\n${columns(rows, '  ')}`;
}

function mllpDoor({ name, host, port, tls }: MllpListener): string {
  return `mllp${name === 'mllp' ? '' : ` ${name}`} ${host}:${port}${tls ? ' with TLS' : ''}`;
}

function named(items: readonly { readonly name: string }[]): string {
  return items.map(({ name }) => name).join(', ');
}

function conditions(when: Readonly<Record<string, string | undefined>>): string {
  return (
    Object.entries(when)
      .map(([key, value]) => `${key} ${value}`)
      .join(' and ') || 'always'
  );
}

const EXAMPLES = `
Examples:
  npx waystation check                  ./waystation.yaml, or the defaults
  npx waystation check new.yaml --json  for an editor or a pipeline
  npx waystation check --samples samples --peer north-ris

Each fault is one line: file:line:column path: what is wrong. The exit code is 3 when there are any, or a sample would be refused.`;
