/**
 * How the command line finds the gateway on its own machine: `gateway.json` in the data directory, readable by its user alone.
 * A new token at every start; the file goes when the gateway stops. One that a killed gateway left behind names a process that is gone.
 */
import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type GatewayFile = {
  readonly pid: number;
  /** `http://127.0.0.1:8080`, without a path. */
  readonly url: string;
  /** What its HTTP door shows, PEM; '' where it speaks without TLS. */
  readonly certificate: string;
  /** Lets its bearer do what an operator may. */
  readonly token: string;
};

/** Replaces the file of an earlier start. */
export async function writeGatewayFile(dataDirectory: string, gateway: GatewayFile): Promise<void> {
  const draft = `${pathIn(dataDirectory)}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(gateway)}\n`, { mode: 0o600, flag: 'wx' });
  await rename(draft, pathIn(dataDirectory));
}

/** Null when there is none that can be understood. Throws when it is there and may not be read. */
export async function readGatewayFile(dataDirectory: string): Promise<GatewayFile | null> {
  try {
    const { pid, url, certificate, token } = JSON.parse(await readFile(pathIn(dataDirectory), 'utf8'));
    const isWhole = typeof pid === 'number' && [url, certificate, token].every((one) => typeof one === 'string');
    return isWhole ? { pid, url, certificate, token } : null;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export async function removeGatewayFile(dataDirectory: string): Promise<void> {
  await rm(pathIn(dataDirectory), { force: true });
}

function pathIn(dataDirectory: string): string {
  return join(dataDirectory, 'gateway.json');
}
