/** Listening, the same for every door: a port that cannot be had is an Error that names the door and the setting to change. */
import type { Server } from 'node:net';

/** Binds a server; resolves with the port (which matters where configuration says 0). `door` is the section of the configuration. */
export async function listen(server: Server, door: string, { host, port }: { host: string; port: number }): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(`${door} door: cannot listen on ${host}:${port}: ${whyNot(error, door.split(' ', 1)[0] as string)}`)),
    );
    server.listen(port, host, resolve);
  });
  server.removeAllListeners('error');
  return (server.address() as { port: number }).port;
}

function whyNot(error: NodeJS.ErrnoException, door: string): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `another program has this port; choose another in ${door}.port`;
    case 'EACCES':
      return `this user may not open this port; choose one above 1023 in ${door}.port`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `this machine has no such address; see ${door}.host`;
    default:
      return error.message;
  }
}
