import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { peerDirectory } from '../../../../src/config/peers.ts';
import { type Inbound, readInbound } from '../../../../src/endpoints/mllp/inbound-entry.ts';
import type { Clock } from '../../../../src/model/clock.ts';
import type { Config } from '../../../../src/model/config.ts';
import { isFailure } from '../../../../src/model/failure.ts';
import type { PeerDirectory } from '../../../../src/model/peer.ts';
import { parseAck } from '../../../../src/protocols/hl7v2/ack.ts';
import { parseMessage } from '../../../../src/protocols/hl7v2/message.ts';
import fc from '../../../support/properties.ts';

const ORDER = readFileSync('fixtures/hl7v2/orm-o01/new-order.hl7');
const NOW = new Date('2026-03-14T08:26:53.589Z');
const clock: Clock = { now: () => NOW, uuid: () => '0195930f-1c2d-7abc-8def-0123456789ab' };
const peers = peerDirectory({ peers: [], unknownPeers: 'accept' } as unknown as Config);

const read = (bytes: Buffer): Inbound | null =>
  readInbound(bytes, { peers, clock, caller: { listener: 'mllp', address: '192.0.2.7', certificate: null } });

describe('the entry of an order', () => {
  it('holds the bytes as received, their digest, who sent what, its lane, and the answer', () => {
    expect(read(ORDER)?.entry).toMatchObject({
      kind: 'hl7v2',
      peer: 'mllp:ORDERS|NORTH',
      type: 'ORM^O01',
      controlId: 'N-1001',
      digest: createHash('sha256').update(ORDER).digest(),
      lane: 'mllp:ORDERS|NORTH|4711',
      payload: ORDER,
      disposition: 'accepted',
      detail: '',
      received: NOW,
    });
  });

  it('that is refused says why, with ids and places only', () => {
    const refused = read(Buffer.from(ORDER.toString().replace('4711^^^NORTH^MR', '')));
    expect(refused).toMatchObject({ answer: 'AE', entry: { disposition: 'refused', detail: 'required-field PID^1^3: PID-3 is empty' } });
  });
});

describe('a value behind an empty subcomponent', () => {
  it('is not the value of its field, at the door as in the mapping', () => {
    const changed = (from: RegExp, to: string) => read(Buffer.from(ORDER.toString().replace(from, to)));
    expect(changed(/ORC\|NW/, 'ORC|&NW')).toMatchObject({ answer: 'AE', entry: { detail: 'required-field ORC^1^1: ORC-1 is empty' } });
    expect(changed(/4711\^\^\^NORTH/, '&4711^^^NORTH')).toMatchObject({
      answer: 'AE',
      entry: { detail: 'required-field PID^1^3: PID-3 is empty' },
    });
    expect(changed(/4711\^\^\^NORTH/, '4711&X^^^NORTH')?.entry.lane).toBe('mllp:ORDERS|NORTH|4711');
  });
});

describe('the entry of a merge', () => {
  const mapping = {
    named: peers.named,
    mllp: () => ({ ...peers.named('adt'), messages: { 'ADT^*': 'mapped' } }),
  } as unknown as PeerDirectory;
  const laneOf = (event: string, ...segments: readonly string[]) => {
    const bytes = Buffer.from(`MSH|^~\\&|ADT|NORTH|||20260314||ADT^${event}|N-1|P|2.5.1\r${segments.join('\r')}\r`);
    return readInbound(bytes, { peers: mapping, clock, caller: { listener: 'mllp', address: '', certificate: null } })?.entry.lane;
  };

  it('is in the lanes of both, and of all whom it brings together', () => {
    expect(laneOf('A40', 'PID|1||11^^^H', 'MRG|22^^^H')).toBe('adt|11\tadt|22');
    expect(laneOf('A40', 'PID|1||11', 'MRG|22', 'PID|1||33', 'MRG|44')).toBe('adt|11\tadt|22\tadt|33\tadt|44');
    expect(laneOf('A24', 'PID|1||11', 'PID|2||12')).toBe('adt|11\tadt|12');
    expect(laneOf('A08', 'PID|1||11')).toBe('adt|11');
  });
});

describe('the entry of what is no message', () => {
  it('is named by where it came from', () => {
    expect(read(Buffer.from('HELLO WORLD'))?.entry).toMatchObject({
      peer: 'mllp:192.0.2.7',
      type: '',
      controlId: '',
      disposition: 'refused',
    });
  });
});

describe('the entry of anything', () => {
  /** The order with some bytes overwritten, cut out or doubled. */
  const damaged = fc
    .array(fc.tuple(fc.nat(ORDER.length - 1), fc.nat(30), fc.uint8Array({ maxLength: 20 })), { maxLength: 6 })
    .map((places) =>
      places.reduce((bytes, [at, length, put]) => Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + length)]), ORDER),
    );

  it('has an answer that can be read and index columns that can be kept', () => {
    fc.assert(
      fc.property(damaged, (bytes) => {
        const inbound = read(bytes);
        if (inbound === null) return;
        const { entry, answer } = inbound;
        if (entry.answer.length > 0) expect(parseAck(entry.answer)).toMatchObject({ code: answer });
        else expect(inbound.mode.kind).toBe('enhanced');
        for (const text of [entry.peer, entry.type, entry.controlId, entry.lane, entry.detail]) {
          expect(text.length).toBeLessThan(600);
          expect(text).not.toContain('\0');
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('is accepted only where the tree has what mapping needs', () => {
    fc.assert(
      fc.property(damaged, (bytes) => {
        const inbound = read(bytes);
        if (inbound?.entry.disposition !== 'accepted') return;
        const message = parseMessage(bytes);
        if (isFailure(message)) throw new Error(message.detail);
        const [msh] = message.segments;
        expect([msh?.get(9), msh?.get(9, 2)]).toEqual(['ORM', 'O01']);
        expect(message.all('PID')).toHaveLength(1);
        expect(message.all('ORC').length).toBeGreaterThan(0);
        expect(message.all('ORC').every((orc) => orc.get(1) !== '')).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});
