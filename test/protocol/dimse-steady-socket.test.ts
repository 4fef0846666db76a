/** Reads of the DIMSE door's connections, over real sockets. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { type SteadySocket, steadySocket } from '../../src/endpoints/dimse/steady-socket-session.ts';

type Listening = { readonly caller: Socket; readonly steady: SteadySocket; close(): Promise<void> };

async function meet(): Promise<Listening> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const caller = connect((server.address() as AddressInfo).port, '127.0.0.1');
  caller.on('error', () => {});
  const [socket] = (await accepted) as [Socket];
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { caller, steady: steadySocket(socket), close };
}

describe('a steady socket', () => {
  it('hands on every byte in order, from one block of memory', async () => {
    const { caller, steady, close } = await meet();
    const sent = randomBytes(3_000_000);
    caller.end(sent);
    const [got, blocks]: [Buffer[], Set<ArrayBufferLike>] = [[], new Set()];
    await steady.readAll(async (chunk) => {
      got.push(Buffer.from(chunk));
      blocks.add(chunk.buffer);
      await new Promise((resolve) => setImmediate(resolve));
    });
    expect(Buffer.concat(got).equals(sent)).toBe(true);
    expect(blocks.size).toBe(1);
    steady.socket.destroy();
    await close();
  });

  it('reads no more while a chunk is being taken, so that the caller is held up', async () => {
    const { caller, steady, close } = await meet();
    let release = (): void => {};
    let taking = 0;
    const reading = steady.readAll(async () => {
      taking++;
      await new Promise<void>((resolve) => (release = resolve));
    });
    // More than the kernel holds between two sockets.
    caller.write(Buffer.alloc(64_000_000));
    while (taking === 0) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(taking).toBe(1);
    expect(caller.writableLength).toBeGreaterThan(0);
    caller.destroy();
    steady.socket.destroy();
    release();
    await reading.catch(() => {});
    await close();
  });

  it('waits for the chunk under way when the connection is lost, and gives its place back', async () => {
    const { caller, steady, close } = await meet();
    let finished = false;
    const reading = steady.readAll(async () => {
      caller.resetAndDestroy();
      await new Promise((resolve) => setTimeout(resolve, 30));
      finished = true;
    });
    caller.write('x');
    await reading.catch(() => {});
    expect(finished).toBe(true);
    await close();
  });

  it('can answer, and knows who called', async () => {
    const { caller, steady, close } = await meet();
    expect(steady.socket.remoteAddress).toBe('127.0.0.1');
    const reading = steady.readAll(async (chunk) => void steady.socket.write(chunk));
    caller.write('hello');
    expect(String((await once(caller, 'data'))[0])).toBe('hello');
    caller.end();
    await reading;
    await close();
  });
});
