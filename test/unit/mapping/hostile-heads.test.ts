import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { identity } from '../../../src/mapping/datatypes/systems.ts';
import { Draft } from '../../../src/mapping/draft.ts';
import { mapHl7v2 } from '../../../src/mapping/registry.ts';
import { PEER } from './fixtures.ts';

const times = (count: number, segment: string): string[] => Array.from({ length: count }, () => segment);

function outcomeOf(type: string, segments: readonly string[]): string {
  const head = [`MSH|^~\\&|RIS|H|W|W|20260302081500||${type}|C1|P|2.5.1`, 'PID|1||4711^^^HOSP^MR||Muster^Erika'];
  const payload = Buffer.from(`${[...head, ...segments].join('\r')}\r`);
  const digest = createHash('sha256').update(payload).digest();
  const entry = { peer: PEER.name, type, controlId: 'C1', digest, payload, received: new Date('2026-03-02T07:15:01Z') };
  const mapped = mapHl7v2(entry, { peer: { ...PEER, messages: { [type]: 'mapped' } } });
  return 'code' in mapped ? mapped.code : `${mapped.parts.length} parts`;
}

describe('a message of very many segments', () => {
  it.each([
    ['ORM^O01', 'NTE|1||x', 'ORC|NW|B1^RIS'],
    ['ORM^O01', 'ZXX|1', 'ORC|NW|B1^RIS'],
    ['ORU^R01', 'NTE|1||x', 'OBR|1|B1^RIS'],
  ])('is set aside where what stands before its orders would be written once an order: %s %s', (type, shared, each) => {
    expect(outcomeOf(type, [...times(2_000, shared), ...times(2_000, each)])).toBe('too-large');
    expect(outcomeOf(type, [...times(50, shared), each])).toBe('1 parts');
  });

  it('is read once, however long the first line of a text is', () => {
    const first = `OBX|1|TX|A||a${'|'.repeat(100_000)}`;
    expect(outcomeOf('ORU^R01', ['OBR|1|B1^RIS|F1^PACS|X', first, ...times(5_000, 'OBX|1|TX|A||b')])).toBe('1 parts');
  });

  it('makes one resource known by a bounded number of numbers', () => {
    const draft = new Draft(PEER, '+00:00');
    const numbered = (value: string) => identity('ServiceRequest', 'urn:example:numbers', value);
    for (let n = 0; n < 1_000; n++) {
      draft.add({ resourceType: 'ServiceRequest', status: 'active', intent: 'order', subject: {} }, [numbered('B1'), numbered(`F${n}`)]);
    }
    expect(draft.resources.map(({ identities }) => identities.length)).toEqual([200]);
  });
});
