/** Messages of ours (invented patients) and what they must become: fixtures/hl7v2/orm-o01/<condition>.hl7 and .json. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mapHl7v2 } from '../../../src/mapping/registry.ts';
import { isFailure } from '../../../src/model/failure.ts';
import type { Mapped } from '../../../src/model/mapped.ts';
import type { Peer } from '../../../src/model/peer.ts';

const DIRECTORY = 'fixtures/hl7v2/orm-o01';

export const PEER: Peer = {
  name: 'north-ris',
  messages: { 'ORM^O01': 'mapped' },
  otherMessages: 'refused',
  reusedControlId: 'flag',
  accession: 'OBR-18',
  accessionIssuer: 'NORTH-PACS',
  patientAuthority: 'NORTH',
  charset: '',
  zone: '+01:00',
  specialty: '',
  returns: [],
};

export function conditions(): string[] {
  return readdirSync(DIRECTORY)
    .filter((name) => name.endsWith('.hl7'))
    .map((name) => name.slice(0, -'.hl7'.length));
}

export function bytesOf(condition: string): Buffer {
  return readFileSync(`${DIRECTORY}/${condition}.hl7`);
}

/** As stored: undefined members are gone. */
export function expected(condition: string): unknown {
  return JSON.parse(readFileSync(`${DIRECTORY}/${condition}.json`, 'utf8'));
}

export function mapFixture(condition: string, peer: Partial<Peer> = {}): Mapped {
  return mapBytes(bytesOf(condition), peer);
}

export function mapBytes(payload: Buffer, peer: Partial<Peer> = {}): Mapped {
  const mapped = mapHl7v2(
    {
      peer: PEER.name,
      type: 'ORM^O01',
      controlId: 'C1',
      digest: createHash('sha256').update(payload).digest(),
      payload,
      received: new Date('2026-03-02T07:15:01.000Z'),
    },
    { peer: { ...PEER, ...peer } },
  );
  if (isFailure(mapped)) throw new Error(mapped.detail);
  return mapped;
}
