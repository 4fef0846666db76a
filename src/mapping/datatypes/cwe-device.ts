/**
 * CWE to Device (guide: CWE[Device]): a device that is named by a code, such as the one an order was entered at (ORC-18).
 * In: a repetition. Out: a reference to the Device, contained where it is named: an identifier for each code, a name for each text.
 * The guide makes a DeviceDefinition of the same codes, which would say no more than the Device does.
 */
import type { Device, DeviceDeviceName, Identifier, Reference } from '@medplum/fhirtypes';
import { codeSystemOf } from '../vocabulary/0396-coding-system.ts';
import { type Components, filled } from './components.ts';
import { type Datatype, each } from './datatype.ts';

export const CWE_DEVICE: Datatype<Reference<Device>> = each((at, { draft }) => {
  const device = filled<Partial<Device>>({
    identifier: CODES.flatMap((code) => identifierOf(at, code, draft.peer.name)),
    deviceName: NAMES.flatMap((component): DeviceDeviceName[] =>
      at(component) === '' ? [] : [{ name: at(component), type: 'user-friendly-name' }],
    ),
  });
  return device && { ...draft.contain<Device>({ resourceType: 'Device', ...device }), ...filled({ display: at(9) || at(2) }) };
});

function identifierOf(at: Components, code: number, owner: string): Identifier[] {
  if (at(code) === '') return [];
  return [{ ...(at(code + 2) === '' ? {} : { system: codeSystemOf(at(code + 2), owner) }), value: at(code) }];
}

/** The three codes of a CWE, each with its system two components further. */
const CODES = [1, 4, 10] as const;
const NAMES = [2, 5, 11, 9] as const;
