import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../src/config/load.ts';
import { peerDirectory } from '../../../src/config/peers.ts';
import { surroundings } from '../../../src/config/surroundings-store.ts';
import { isFailure } from '../../../src/model/failure.ts';
import type { DimseCaller, MllpCaller, PeerDirectory } from '../../../src/model/peer.ts';

const PEERS = `
destinations: [{ name: ris, kind: mllp, host: ris.example, port: 2575 }]
peers:
  - { name: any-ris, mllp: { application: RIS }, returns: [ris] }
  - { name: north-ris, mllp: { application: RIS, facility: NORTH }, accession: OBR-3 }
  - { name: ct, dimse: { aeTitle: CT1 }, accessionIssuer: NORTH }
  - { name: clinic, http: { client: clinic-app } }
`;

function directory(yaml: string): PeerDirectory {
  const result = loadConfig({
    ...surroundings(),
    env: {},
    cwd: '/nowhere',
    readText: (path) => (path.startsWith('/nowhere') ? yaml : surroundings().readText(path)),
  });
  if ('faults' in result) throw new Error(JSON.stringify(result.faults));
  return peerDirectory(result.config);
}

const NEARBY: DimseCaller = { address: '192.0.2.7', certificate: null };
const CALLER: MllpCaller = { listener: 'mllp', address: '192.0.2.7', certificate: null };

function nameOf(peer: unknown): string {
  return isFailure(peer) ? `${peer.code}: ${peer.detail}` : (peer as { name: string }).name;
}

describe('a PACS that was asked', () => {
  it('is meant as the peer with its AE title, under a name of its own', () => {
    const yaml = `
destinations: [{ name: readers, kind: pull, group: readers }, { name: pacs, kind: dimse, host: h, port: 104, aeTitle: PACS }]
peers: [{ name: archive, dimse: { aeTitle: PACS }, patientAuthority: HOSP }]
`;
    expect(directory(yaml).named('prior:pacs')).toMatchObject({ name: 'prior:pacs', patientAuthority: 'HOSP' });
    expect(directory(yaml).named('prior:other')).toMatchObject({ name: 'prior:other', patientAuthority: 'default' });
  });
});

describe('configured peers', () => {
  const peers = directory(PEERS);

  it('application and facility together fit before the application alone', () => {
    expect(nameOf(peers.mllp(CALLER, 'RIS', 'NORTH'))).toBe('north-ris');
    expect(nameOf(peers.mllp(CALLER, 'RIS', 'SOUTH'))).toBe('any-ris');
  });

  it('are recognised by listener, address and certificate, the one that names most before others', () => {
    const signs = directory(`
mllp: [{ name: intern, port: 1 }, { name: extern, port: 2 }]
peers:
  - { name: any, mllp: { application: RIS } }
  - { name: by-network, mllp: { application: RIS, address: 192.0.2.0/24 } }
  - { name: by-listener, mllp: { application: RIS, address: 192.0.2.0/24, listener: extern } }
  - { name: by-subject, mllp: { certificate: ris.example } }
  - { name: by-print, mllp: { certificate: 'AB:CD' } }
`);
    const from = (change: Partial<MllpCaller>, application = 'RIS') =>
      nameOf(signs.mllp({ ...CALLER, listener: 'intern', ...change }, application, ''));
    expect(from({ address: '198.51.100.1' })).toBe('any');
    expect(from({})).toBe('by-network');
    expect(from({ listener: 'extern' })).toBe('by-listener');
    expect(from({ certificate: { subject: 'ris.example', fingerprint: '00' } }, 'LAB')).toBe('by-subject');
    expect(from({ certificate: { subject: 'other', fingerprint: 'abcd' } }, 'LAB')).toBe('by-print');
    expect(from({ certificate: { subject: 'other', fingerprint: '00' } }, 'LAB')).toBe('mllp:LAB|');
  });

  it('are recognised by AE title, padded or not, and by client', () => {
    expect(nameOf(peers.dimse(NEARBY, 'CT1', 'WAYSTATION'))).toBe('ct');
    expect(nameOf(peers.dimse(NEARBY, 'CT1             ', 'WAYSTATION'))).toBe('ct');
    expect(nameOf(peers.http('clinic-app'))).toBe('clinic');
  });

  it('who calls by the AE title of a peer from elsewhere, or without its certificate, is nobody', () => {
    const signs = directory(`
peers:
  - { name: ct, dimse: { aeTitle: CT1, address: 192.0.2.0/24 } }
  - { name: mr, dimse: { aeTitle: MR1, certificate: mr.example } }
`);
    const from = (calling: string, change: Partial<DimseCaller> = {}) =>
      nameOf(signs.dimse({ ...NEARBY, ...change }, calling, 'WAYSTATION'));
    expect(from('CT1')).toBe('ct');
    expect(from('CT1', { address: '::ffff:192.0.2.9' })).toBe('ct');
    expect(from('CT1', { address: '198.51.100.1' })).toBe('forbidden: ct does not call from there');
    expect(from('MR1', { certificate: { subject: 'mr.example', fingerprint: '00' } })).toBe('mr');
    expect(from('MR1', { certificate: { subject: 'ct.example', fingerprint: '00' } })).toBe('forbidden: mr does not call from there');
    expect(from('MR1')).toBe('forbidden: mr does not call from there');
    expect(from('XA1')).toBe('dimse:XA1');
  });

  it('listed called AE titles are insisted on, whoever calls', () => {
    const peers = directory('dimse: { calledAeTitles: [ARCHIVE] }');
    expect(['WAYSTATION', 'ARCHIVE ', 'OTHER'].map((called) => nameOf(peers.dimse(NEARBY, 'CT1', called)))).toEqual([
      'dimse:CT1',
      'dimse:CT1',
      'not-found: called AE title OTHER is not ours',
    ]);
  });

  it('a peer of one door is not met at another', () => {
    expect(nameOf(peers.mllp(CALLER, '', ''))).toBe('mllp:|');
    expect(nameOf(peers.dimse(NEARBY, '', 'WAYSTATION'))).toBe('dimse:');
    expect(nameOf(peers.http(''))).toBe('http:');
  });
});

describe('unknown senders', () => {
  it('get a stable name that says how they introduced themselves', () => {
    const peers = directory('');
    expect(nameOf(peers.mllp(CALLER, 'LAB', 'SOUTH'))).toBe('mllp:LAB|SOUTH');
    expect(nameOf(peers.dimse(NEARBY, 'MR7', 'ANY-SCP'))).toBe('dimse:MR7');
    expect(nameOf(peers.http('phone'))).toBe('http:phone');
    expect(peers.named('mllp:LAB|SOUTH')).toEqual(peers.mllp(CALLER, 'LAB', 'SOUTH'));
  });

  it('hostile names are bounded, safe to log, and still told apart', () => {
    const peers = directory('');
    const [one, two] = [
      nameOf(peers.mllp(CALLER, `A\r\n${'x'.repeat(5_000)}1`, 'é|"')),
      nameOf(peers.mllp(CALLER, `A\r\n${'x'.repeat(5_000)}2`, 'é|"')),
    ];
    expect(one).toMatch(/^mllp:[A-Za-z0-9._-]{1,32}\|[A-Za-z0-9._-]{1,32}~[0-9a-f]{8}$/);
    expect(one).not.toBe(two);
  });

  it('share one authority, so that their orders and images can meet', () => {
    const peers = directory('');
    const [order, images] = [peers.named('mllp:RIS|N'), peers.named('dimse:CT')];
    expect([order.accessionIssuer, order.patientAuthority]).toEqual([images.accessionIssuer, images.patientAuthority]);
  });

  it('are refused where configured, and a called AE title must then be ours', () => {
    const peers = directory(`${PEERS}\nunknownPeers: refuse`);
    expect(nameOf(peers.mllp(CALLER, 'LAB', 'SOUTH'))).toBe(
      'forbidden: mllp:LAB|SOUTH is not a configured peer, and unknown peers are refused',
    );
    expect(nameOf(peers.dimse(NEARBY, 'MR7', 'WAYSTATION'))).toMatch(/^forbidden: /);
    expect(nameOf(peers.dimse(NEARBY, 'CT1', 'ANY-SCP'))).toBe('not-found: called AE title ANY-SCP is not ours');
    expect(nameOf(peers.dimse(NEARBY, 'CT1', 'WAYSTATION'))).toBe('ct');
  });
});

describe('an archive that is asked for commitment', () => {
  it('may report by the AE title of its destination, known as a peer or not; nobody else may', () => {
    const archive = 'destinations: [{ name: pacs, kind: dimse, host: h, port: 104, aeTitle: PACS, commitment: {} }]';
    const archivesOf = (peers: PeerDirectory, calling: string) => {
      const peer = peers.dimse(NEARBY, calling, 'WAYSTATION');
      return isFailure(peer) ? peer.code : peer.archives;
    };
    const open = directory(archive);
    expect([archivesOf(open, 'PACS'), archivesOf(open, 'CT1')]).toEqual([['pacs'], undefined]);
    const closed = directory(`unknownPeers: refuse\n${archive}\npeers: [{ name: archive, dimse: { aeTitle: PACS } }]`);
    expect([archivesOf(closed, 'PACS'), archivesOf(closed, 'CT1')]).toEqual([['pacs'], 'forbidden']);
  });
});
