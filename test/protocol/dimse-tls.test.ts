/** DICOM over TLS: real handshakes and certificates, dcmtk's own client. */
import { once } from 'node:events';
import { connect as connectPlainly } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ConfiguredPeer } from '../../src/model/config.ts';
import type { DoorTls } from '../../src/model/tls.ts';
import { testAuthority } from '../support/certificates.ts';
import { CT_IMAGE_STORAGE, ctSlice } from '../support/ct-slice.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { isInstalled, run } from '../support/programs.ts';
import { openStoreAssociation } from '../support/store-sender.ts';

const authority = testAuthority();
const stranger = testAuthority('Stranger');
const [server, modality, fake] = [authority.issue('gateway'), authority.issue('ct.example'), stranger.issue('ct.example')];
const TLS: DoorTls = { key: server.key, cert: server.cert, ca: authority.ca, clients: 'required' };
const AT_NO_OTHER_DOOR = { sendingApplication: '', sendingFacility: '', listener: '', address: '', certificate: '', client: '' };
const BY_CERTIFICATE = {
  ...AT_NO_OTHER_DOOR,
  name: 'ct',
  callingAeTitle: 'LOADCT',
  callingAddress: '127.0.0.0/8',
  callingCertificate: 'ct.example',
};

let door: DicomDoor;
const open = async (tls: DoorTls, peer: Partial<ConfiguredPeer> = BY_CERTIFICATE): Promise<DicomDoor> => {
  door = await openDicomDoor({ dimse: { tls }, config: { peers: [peer as ConfiguredPeer], unknownPeers: 'refuse' } });
  return door;
};
afterEach(() => door.close());

function dial(options: object): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: door.port, host: '127.0.0.1', ca: authority.ca, ...options }, () => resolve(socket));
    socket.on('error', reject);
  });
}

const target = () => ({ host: '127.0.0.1', port: door.port, aeTitle: 'WAYSTATION' });

describe('the DIMSE door with TLS', () => {
  it('stores what a peer with its certificate sends, whole', async () => {
    await open(TLS);
    const slice = ctSlice(1, { run: 'T', study: 1, accession: 'A1', patient: 'P1', side: 512 });
    const association = await openStoreAssociation(target(), 'LOADCT', await dial({ key: modality.key, cert: modality.cert }));
    expect(await association.store(slice)).toBe(0x0000);
    await association.release();
    expect(await door.journaled()).toEqual([`accepted ${CT_IMAGE_STORAGE} ${slice.sopInstanceUid}`]);
  });

  it('lets nobody in without a certificate, or with one of another authority', async () => {
    await open(TLS);
    for (const shown of [{}, { key: fake.key, cert: fake.cert }]) {
      const refused = dial(shown).then((socket) => openStoreAssociation(target(), 'LOADCT', socket));
      await expect(refused).rejects.toThrow();
    }
    await door.said('dimse.tls-refused');
  });

  it("rejects a peer's AE title with the certificate of somebody else", async () => {
    await open(TLS, { ...BY_CERTIFICATE, callingCertificate: 'mr.example' });
    const socket = await dial({ key: modality.key, cert: modality.cert });
    // A-ASSOCIATE-RJ: PDU type 3.
    await expect(openStoreAssociation(target(), 'LOADCT', socket)).rejects.toThrow('PDU type 3');
    expect(await door.said('dimse.rejected')).toMatchObject({ why: 'ct does not call from there' });
  });

  it('refuses what speaks no TLS, and stops while a handshake hangs', async () => {
    await open(TLS);
    await expect(openStoreAssociation(target(), 'LOADCT')).rejects.toThrow();
    await door.said('dimse.tls-refused');
    await once(connectPlainly(door.port, '127.0.0.1'), 'connect');
  });

  (isInstalled('echoscu') ? it : it.skip)('answers echoscu of dcmtk with a certificate, and not without', async () => {
    await open(TLS, { ...BY_CERTIFICATE, callingAeTitle: 'ECHOSCU' });
    const call = (...options: string[]) => run('echoscu', [...options, '-aec', 'WAYSTATION', '127.0.0.1', String(door.port)]);
    const shown = ['+tls', modality.keyFile, modality.certFile, '+cf', authority.caFile];
    expect(await call(...shown)).toMatchObject({ code: 0 });
    expect((await call('+tla', '+cf', authority.caFile)).code).not.toBe(0);
    expect((await call()).code).not.toBe(0);
  });
});
