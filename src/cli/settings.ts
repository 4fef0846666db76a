/** The configuration as commands need it: whole and without faults, or a CliError that names the first ones. */
import { findDataDirectory, type Loaded, loadConfig } from '../config/load.ts';
import { faultText } from '../config/source.ts';
import { surroundings } from '../config/surroundings-store.ts';
import type { Config } from '../model/config.ts';
import { CliError, EXIT } from './terminal.ts';

export type Settings = { readonly env: Readonly<Record<string, string | undefined>>; dataDirectory(): string };

/** The environment at once; where the data are when it is asked for, whether or not the rest of the configuration is in order. */
export function settings(file: string | undefined): Settings {
  const where = { ...surroundings(), file };
  return { env: where.env, dataDirectory: () => findDataDirectory(where) || loadedConfig(file).config.dataDirectory };
}

export function loadedConfig(file: string | undefined): Loaded {
  const loaded = loadConfig({ ...surroundings(), file });
  if ('config' in loaded) return loaded;
  const [first, ...others] = loaded.faults.map(faultText);
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  throw new CliError(`the configuration has faults: ${first}${more}`, 'see all of them with `npx waystation check`', EXIT.config);
}

/** A CliError where it is none of the configured peers; '' is for nobody in particular. */
export function requirePeer({ peers }: Config, peer: string): void {
  if (peer === '' || peers.some(({ name }) => name === peer)) return;
  throw new CliError(`there is no peer ${peer} in the configuration`, 'its peers are listed by `npx waystation check`', EXIT.usage);
}
