/** `waystation start`: a gateway in the foreground, until a signal ends it. */
import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { faultText } from '../config/source.ts';
import { surroundings } from '../config/surroundings-store.ts';
import type { Gateway } from '../main.ts';
import type { Config } from '../model/config.ts';
import { jsonLog, type Log } from '../model/log.ts';
import { loadedConfig } from './settings.ts';
import { CliError, EXIT, say } from './terminal.ts';

export function startCommand(): Command {
  return new Command('start')
    .description('run a gateway until Ctrl-C or SIGTERM; without a configuration file on this machine only')
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => run(command.optsWithGlobals().config));
}

async function run(file: string | undefined): Promise<void> {
  const { config, logLevel, warnings, file: read } = loadedConfig(file);
  const log = jsonLog(
    (line) => process.stderr.write(line),
    () => new Date(),
    logLevel,
  );
  for (const warning of warnings) log.warn('config.warning', { warning: faultText(warning) });
  const stopping = stopSignal();
  // Loaded here, so that the other commands do not wait for what only a gateway needs.
  const { startGateway } = await import('../main.ts');
  const gateway = await startGateway(config, { log }).catch((error: Error) => {
    throw new CliError(`the gateway could not start: ${error.message}`, '', EXIT.start);
  });
  say(banner(gateway.addresses, read, config));
  // Without certificates a hang-up ends the process, as it does any other of a terminal.
  if (hasCertificates(config)) process.on('SIGHUP', () => renewCertificates(gateway, file, log));
  const lost = await Promise.race([stopping, gateway.lost]);
  if (lost) log.error('gateway.lost', { reason: lost.message });
  await stop(gateway, log);
  if (lost)
    throw new CliError(`the gateway stopped: ${lost.message}`, 'its log says more; nothing that was acknowledged is lost', EXIT.refused);
}

function hasCertificates({ mllp, dimse, http, destinations }: Config): boolean {
  return dimse.tls !== null || http.tls !== null || mllp.some(({ tls }) => tls) || destinations.some((one) => 'tls' in one && one.tls);
}

/** Certificates are read anew, as the configuration now names them. What is wrong with it is told, and the old ones stay. */
function renewCertificates(gateway: Gateway, file: string | undefined, log: Log): void {
  const loaded = loadConfig({ ...surroundings(), file });
  if ('faults' in loaded) {
    for (const fault of loaded.faults) log.error('config.fault', { fault: faultText(fault) });
    return;
  }
  gateway.renewCertificates(loaded.config);
  log.info('certificates.renewed', { file: loaded.file });
}

/** What the screen says: each door on a line, and what to do next. */
export function banner(addresses: readonly string[], file: string, { dataDirectory }: Config): string {
  return [
    `waystation is up, configured by ${file || 'its defaults'}, with its data in ${dataDirectory}`,
    '',
    ...addresses.map((address) => `  ${address}`),
    '',
    '  npx waystation client add dr-ada --role reader --group readers    a token for a specialist',
    '  npx waystation client add clinic --role origin --group clinic     a token for who sends by FHIR',
    '  npx waystation case list                                          the cases',
    '  npx waystation case <id or accession number>                      one case, hop by hop',
    '',
  ].join('\n');
}

/** Resolves at the first SIGINT or SIGTERM; the second ends the process there and then. */
function stopSignal(): Promise<null> {
  return new Promise((resolve) => {
    let asked = false;
    const hear = (signal: 'SIGINT' | 'SIGTERM'): void => {
      if (asked) process.exit(signal === 'SIGINT' ? 130 : 143);
      asked = true;
      resolve(null);
    };
    process.on('SIGINT', () => hear('SIGINT'));
    process.on('SIGTERM', () => hear('SIGTERM'));
  });
}

/** Everything that was acknowledged is on disk: a stop that takes too long loses nothing when it is cut short. */
async function stop(gateway: Gateway, log: Log): Promise<void> {
  const late = setTimeout(() => {
    log.error('gateway.stop-late', { afterMs: STOP_TIMEOUT_MS });
    process.exit(EXIT.refused);
  }, STOP_TIMEOUT_MS);
  late.unref();
  await gateway.stop();
  clearTimeout(late);
}

const STOP_TIMEOUT_MS = 30_000;

const EXAMPLES = `
Examples:
  npx waystation start                                  embedded database, data in ./data, all doors on 127.0.0.1
  npx waystation start --config /etc/waystation.yaml
  DATABASE_URL=postgres://… npx waystation start        a PostgreSQL of your own

Logs are JSON lines on standard error; WAYSTATION_LOG_LEVEL is info, warn, error or silent.`;
