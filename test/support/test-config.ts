/** A whole configuration: the defaults as the program itself completes them, with some of the environment said. */
import { loadConfig } from '../../src/config/load.ts';
import { surroundings } from '../../src/config/surroundings-store.ts';
import type { Config } from '../../src/model/config.ts';
import { ROOT } from './gateway-process.ts';

export function testConfig(env: Readonly<Record<string, string>> = {}): Config {
  const loaded = loadConfig({ ...surroundings(), env, cwd: ROOT });
  if ('faults' in loaded) throw new Error(JSON.stringify(loaded.faults));
  return loaded.config;
}
