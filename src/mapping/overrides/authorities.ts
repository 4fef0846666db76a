/**
 * The assigning authorities a sender names, to the systems they are. In: names and OIDs with their URIs. Out: what is done to the segments.
 * The URI takes the place of the whole HD (HL7 v2.5.1 §2.A.33): a namespace left beside it would make two hospitals' equal names one again.
 */
import type { FieldPath } from '../../model/field-path.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { type Edit, eachSegment } from './edit.ts';

export function authorityEdits(authorities: Readonly<Record<string, string>>): Edit[] {
  const systems = new Map(Object.entries(authorities));
  if (systems.size === 0) return [];
  return PLACES.flatMap(([datatype, ...places]) => places.flatMap((place) => DESIGNATORS[datatype].map((at) => edit(place, at, systems))));
}

type Designator = (n: 1 | 2 | 3) => Pick<FieldPath, 'component' | 'subcomponent'>;

function edit(place: string, designator: Designator, systems: ReadonlyMap<string, string>): Edit {
  const [name = '', number] = place.split('-');
  const field = Number(number);
  return eachSegment('authorities', name, place, (segment) => {
    let changed = segment;
    for (let repetition = 1; repetition <= segment.repetitions(field); repetition++) {
      const at = (n: 1 | 2 | 3) => ({ field, repetition, ...designator(n) });
      const uri = systems.get(said(segment, at(2))) ?? systems.get(said(segment, at(1)));
      if (uri === undefined) continue;
      changed = changed.replaced(at(1), '').replaced(at(2), segment.escaped(uri)).replaced(at(3), 'URI');
    }
    return changed;
  });
}

function said(segment: Segment, { field, repetition, component, subcomponent }: Omit<FieldPath, 'segment'>): string {
  return segment.peek(field, component, repetition, subcomponent || 1).trim();
}

const within = (component: number, first = 1): Designator => {
  return (n) => ({ component, subcomponent: first + n - 1 });
};

/** Where the namespace, the universal id and its type stand. */
const DESIGNATORS = {
  CX: [within(4)],
  EI: [(n) => ({ component: n + 1, subcomponent: 0 })],
  EIP: [within(1, 2), within(2, 2)],
  XCN: [within(9)],
  XON: [within(6)],
} satisfies Record<string, readonly Designator[]>;

/** Fields that name assigning authorities, by datatype. */
const PLACES: readonly (readonly [keyof typeof DESIGNATORS, ...string[]])[] = [
  ['CX', 'PID-2', 'PID-3', 'PID-4', 'PID-18', 'PID-21', 'MRG-1', 'MRG-2', 'MRG-3', 'MRG-4', 'MRG-5', 'MRG-6'],
  ['CX', 'PV1-5', 'PV1-19', 'PV1-50', 'NK1-33'],
  ['EI', 'ORC-2', 'ORC-3', 'ORC-4', 'OBR-2', 'OBR-3', 'IPC-1', 'IPC-2', 'OBX-21', 'TXA-12', 'TXA-13', 'TXA-14', 'TXA-15'],
  ['EI', 'RF1-6', 'RF1-11', 'PRT-1'],
  ['EIP', 'ORC-8', 'OBR-29', 'SPM-2'],
  ['XCN', 'ORC-10', 'ORC-11', 'ORC-12', 'ORC-19', 'OBR-10', 'OBR-16', 'OBR-28', 'PV1-7', 'PV1-8', 'PV1-9', 'PV1-17', 'PV1-52'],
  ['XCN', 'OBX-16', 'TXA-5', 'TXA-9', 'TXA-10', 'TXA-11', 'PD1-4', 'ROL-4', 'PRT-5', 'DG1-16'],
  ['XON', 'ORC-21', 'PD1-3', 'OBX-23', 'PRT-8'],
];
