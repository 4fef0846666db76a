/**
 * Messages of ours (invented patients) and what they must become: fixtures/hl7v2/<message>/<condition>.hl7 and .json. A condition is named
 * `omi-o23/imaging-procedure-control`; without its message it is an ORM^O01.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mapHl7v2 } from '../../../src/mapping/registry.ts';
import type { StoredBinary } from '../../../src/model/binary.ts';
import { isFailure } from '../../../src/model/failure.ts';
import type { Mapped } from '../../../src/model/mapped.ts';
import type { Peer } from '../../../src/model/peer.ts';
import { messageType } from '../../../src/protocols/hl7v2/accept.ts';
import { isRefusal, readHeader } from '../../../src/protocols/hl7v2/header.ts';

const DIRECTORY = 'fixtures/hl7v2';

export const PEER: Peer = {
  name: 'north-ris',
  messages: { 'ORM^O01': 'mapped' },
  otherMessages: 'refused',
  reusedControlId: 'flag',
  gaps: 'pass',
  acknowledgment: 'asked',
  release: 0,
  accession: 'OBR-18',
  accessionIssuer: 'NORTH-PACS',
  patientAuthority: 'NORTH',
  charset: '',
  zone: '+01:00',
  specialty: '',
  returns: [],
};

/** Conditions of one message. */
export function conditions(message = 'orm-o01'): string[] {
  const names = readdirSync(`${DIRECTORY}/${message}`);
  const mapped = names.filter((name) => name.endsWith('.hl7') && names.includes(name.replace(/hl7$/, 'json')));
  return mapped.map((name) => name.slice(0, -'.hl7'.length));
}

/** Every message that has an expected mapping. */
export function allConditions(): string[] {
  return readdirSync(DIRECTORY).flatMap((message) => conditions(message).map((condition) => `${message}/${condition}`));
}

export function bytesOf(condition: string): Buffer {
  return readFileSync(`${pathOf(condition)}.hl7`);
}

/** As stored: undefined members are gone. */
export function expected(condition: string): unknown {
  return JSON.parse(readFileSync(`${pathOf(condition)}.json`, 'utf8'));
}

export function mapFixture(condition: string, peer: Partial<Peer> = {}): Mapped {
  return mapBytes(bytesOf(condition), peer);
}

export function mapBytes(payload: Buffer, peer: Partial<Peer> = {}): Mapped {
  const mapped = mapHl7v2(
    {
      peer: PEER.name,
      type: typeOf(payload),
      controlId: 'C1',
      digest: createHash('sha256').update(payload).digest(),
      payload,
      received: new Date('2026-03-02T07:15:01.000Z'),
    },
    { peer: { ...PEER, ...peer } },
  );
  if (isFailure(mapped)) throw new Error(mapped.detail);
  // When it was said is no part of what it becomes.
  const { occurred: _occurred, ...made } = mapped;
  return made;
}

/** As the corridor stores it when it is new. */
export function stored({ resources }: Mapped): { resourceType: string }[] {
  const written = resources.filter(({ mode }) => mode !== 'amend');
  return written.map(({ resource, initial }) => {
    // Where the bytes of a file are is ours to know.
    const { digest: _digest, size: _size, ...binary } = resource as StoredBinary;
    return JSON.parse(JSON.stringify({ ...initial, ...(resource.resourceType === 'Binary' ? binary : resource) }));
  });
}

function pathOf(condition: string): string {
  return `${DIRECTORY}/${condition.includes('/') ? condition : `orm-o01/${condition}`}`;
}

/** MSH-9 without the structure. */
function typeOf(payload: Buffer): string {
  const header = readHeader(payload);
  return isRefusal(header) ? '' : messageType(header);
}
