import { describe, expect, it } from '@jest/globals';
import { parsePostmasterLock, serverArguments, socketFits, socketUrl } from '../../../src/store/embedded-settings.ts';

const GB = 1024 ** 3;

describe('settings of the embedded server', () => {
  const setting = (memory: number, name: string) =>
    serverArguments('/data/postgres', '/data/run', memory)
      .find((argument) => argument.startsWith(`${name}=`))
      ?.slice(name.length + 1);

  it.each([
    [0.25 * GB, '64MB', '1024MB'],
    [4 * GB, '512MB', '2048MB'],
    [16 * GB, '2048MB', '8192MB'],
    [512 * GB, '2048MB', '8192MB'],
  ])('give %d bytes of memory %s of shared buffers and %s of log between checkpoints', (memory, buffers, log) => {
    expect(setting(memory, 'shared_buffers')).toBe(buffers);
    expect(setting(memory, 'max_wal_size')).toBe(log);
  });

  it('quote the directory of the socket, which is a list', () => {
    expect(serverArguments('/d', '/a,"b" c', GB)).toContain('unix_socket_directories="/a,""b"" c"');
  });
});

describe('other settings', () => {
  it('stand in the place of ours', () => {
    const given = serverArguments('/d', '/s', GB, { fsync: 'off', unix_socket_directories: '/elsewhere' });
    expect(given.filter((argument) => /^(fsync|unix_socket_directories)=/.test(argument))).toEqual([
      'fsync=off',
      'unix_socket_directories="/s"',
    ]);
  });
});

describe('the socket', () => {
  it('has a URL that gives its directory back, whatever its letters', () => {
    const directory = '/srv/a b/%20/ä?x=1#y';
    const url = new URL(socketUrl(directory, 'waystation'));
    expect(decodeURIComponent(url.pathname)).toBe(directory);
    expect(Object.fromEntries(url.searchParams)).toEqual({ db: 'waystation', user: 'postgres' });
  });

  it('fits 107 bytes on Linux and 103 on macOS, counted as UTF-8', () => {
    const rest = '/.s.PGSQL.5432'.length;
    expect(socketFits(`/${'x'.repeat(107 - rest - 1)}`, 'linux')).toBe(true);
    expect(socketFits(`/${'x'.repeat(108 - rest - 1)}`, 'linux')).toBe(false);
    expect(socketFits(`/${'x'.repeat(103 - rest - 1)}`, 'darwin')).toBe(true);
    expect(socketFits(`/${'x'.repeat(104 - rest - 1)}`, 'darwin')).toBe(false);
    expect(socketFits(`/${'ä'.repeat(50)}`, 'linux')).toBe(false);
  });
});

describe('postmaster.pid', () => {
  const lines = (socket: string, status: string) => `4711\n/data/postgres\n1700000000\n5432\n${socket}\n\n  5432001     65538\n${status}\n`;

  it.each([
    [lines('/data/run', 'ready   '), { pid: 4711, socketDirectory: '/data/run', ready: true }],
    [lines('/data/run', 'starting'), { pid: 4711, socketDirectory: '/data/run', ready: false }],
    ['4711\n/data/postgres\n1700000000\n5432\n\n', { pid: 4711, socketDirectory: '', ready: false }],
    ['-4711\n/data/postgres\n1700000000\n', { pid: 4711, socketDirectory: '', ready: false }],
    ['', null],
    ['garbage\n', null],
  ])('%j is read', (text, lock) => {
    expect(parsePostmasterLock(text)).toEqual(lock);
  });
});
