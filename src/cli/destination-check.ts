/** `waystation destination check`: asks a PACS by C-ECHO whether it answers, as the configuration has it. No gateway is needed. */
import { echo } from '../delivery/dimse/echo-client.ts';
import { isFailure } from '../model/failure.ts';
import { loadedConfig } from './settings.ts';
import { CliError, EXIT, say, sayJson } from './terminal.ts';

export type CheckOptions = { readonly config?: string; readonly json?: boolean };

export async function checkDestination(name: string, { config: file, json }: CheckOptions): Promise<void> {
  const { destinations } = loadedConfig(file).config;
  const destination = destinations.find((one) => one.name === name);
  if (destination?.kind !== 'dimse') {
    const what = destination
      ? `${name} is of kind ${destination.kind}: only a PACS of kind dimse is asked`
      : `there is no destination ${name}`;
    throw new CliError(what, 'the destinations are listed by `npx waystation check`', EXIT.usage);
  }
  const { aeTitle, host, port, tls } = destination;
  const place = `${aeTitle}@${host}:${port}${tls ? ' with TLS' : ''}`;
  const started = performance.now();
  const status = await echo(destination);
  const ms = Math.round(performance.now() - started);
  if (isFailure(status) || status !== 0) {
    const why = isFailure(status) ? status.detail : `status ${status.toString(16).padStart(4, '0')}`;
    throw new CliError(`${place} does not answer C-ECHO: ${why}`, 'see to its address, its AE titles and its certificates', EXIT.refused);
  }
  if (json) sayJson({ destination: name, milliseconds: ms });
  else say(`${place} answered C-ECHO in ${ms} ms`);
}
