/** The address that answers name resources by, such as `https://gateway.example/fhir`. */
import type { Socket } from 'node:net';

type Reached = Pick<Socket, 'localAddress' | 'localPort' | 'localFamily'> & { readonly encrypted?: boolean };

/** Without a configured URL, the address the client reached: never the Host header, which the client writes. `path` as `/fhir`. */
export function baseUrl(socket: Reached, publicUrl: string, path: string): string {
  if (publicUrl !== '') return `${publicUrl.replace(/\/+$/, '')}${path}`;
  const { localAddress = '127.0.0.1', localPort, localFamily } = socket;
  const host = localFamily === 'IPv6' ? `[${localAddress}]` : localAddress;
  return `${socket.encrypted ? 'https' : 'http'}://${host}:${localPort}${path}`;
}
