/**
 * DIMSE command sets: the small dataset that says which operation is asked for or answered (PS3.7 §6.3.1, §9.3, Annex E).
 * Always Implicit VR Little Endian, whatever the presentation context says. Unknown elements are skipped.
 */
import { type Failure, failure } from '../../model/failure.ts';

/** Command Field (0000,0100), PS3.7 Table E.1-1. A response is its request with the highest bit set. */
export const COMMAND = {
  cStoreRq: 0x0001,
  cGetRq: 0x0010,
  cFindRq: 0x0020,
  cMoveRq: 0x0021,
  cEchoRq: 0x0030,
  nEventReportRq: 0x0100,
  nGetRq: 0x0110,
  nSetRq: 0x0120,
  nActionRq: 0x0130,
  nCreateRq: 0x0140,
  cCancelRq: 0x0fff,
} as const;
export const RESPONSE = 0x8000;

/** The longest command set taken; a C-STORE-RQ has some 200 bytes, no standard command needs a tenth of this. */
export const MAX_COMMAND_BYTES = 16 * 1024;

export type Command = {
  readonly field: number;
  /** Message ID (0000,0110); in a response and in C-CANCEL Message ID Being Responded To (0000,0120). */
  readonly messageId: number;
  /** Affected (0000,0002), or Requested (0000,0003) SOP Class UID; '' where absent. */
  readonly sopClassUid: string;
  /** Affected (0000,1000), or Requested (0000,1001) SOP Instance UID; '' where absent. */
  readonly sopInstanceUid: string;
  /** Command Data Set Type (0000,0800) is not 0101H: a dataset follows. */
  readonly hasDataset: boolean;
  /** Status (0000,0900), responses only. */
  readonly status?: number;
  /** Event Type ID (0000,1002) of N-EVENT-REPORT, Action Type ID (0000,1008) of N-ACTION. */
  readonly eventTypeId?: number;
  readonly actionTypeId?: number;
  /** Attribute Identifier List (0000,1005) of N-GET-RQ, as the DICOM JSON Model names tags; absent: all. */
  readonly attributes?: readonly string[];
  /** Error Comment (0000,0902), at most 64 characters, never patient data. */
  readonly errorComment?: string;
  /** Error ID (0000,0903), where the service names its errors. */
  readonly errorId?: number;
  /** Move Destination (0000,0600) of C-MOVE-RQ. */
  readonly moveDestination?: string;
  /** Sub-operations (0000,1020 to 1023), in responses to C-GET and C-MOVE. */
  readonly remaining?: number;
  readonly completed?: number;
  readonly failed?: number;
  readonly warnings?: number;
  /** Who asked for the C-MOVE that a C-STORE-RQ is part of (0000,1030 and 1031). */
  readonly moveOriginator?: string;
  readonly moveOriginatorMessageId?: number;
};

/** Reads a whole command set. */
export function decodeCommand(bytes: Buffer): Command | Failure {
  const elements = elementsOf(bytes);
  const number = (element: number) =>
    elements?.get(element)?.length === 2 ? (elements.get(element) as Buffer).readUInt16LE(0) : undefined;
  const text = (element: number) => (elements?.get(element)?.toString('latin1') ?? '').replace(/[\0 ]+$/, '');
  const field = number(COMMAND_FIELD);
  const refersBack = field !== undefined && ((field & RESPONSE) !== 0 || field === COMMAND.cCancelRq);
  const messageId = number(refersBack ? RESPONDED_MESSAGE_ID : MESSAGE_ID);
  const dataset = number(DATA_SET_TYPE);
  if (field === undefined || messageId === undefined || dataset === undefined)
    return failure('dicom', 'malformed', 'command set cannot be read');
  return {
    field,
    messageId,
    sopClassUid: text(AFFECTED_SOP_CLASS) || text(REQUESTED_SOP_CLASS),
    sopInstanceUid: text(AFFECTED_SOP_INSTANCE) || text(REQUESTED_SOP_INSTANCE),
    hasDataset: dataset !== NO_DATA_SET,
    ...Object.fromEntries(NUMBERS.flatMap(([key, element]) => (number(element) === undefined ? [] : [[key, number(element)]]))),
    ...Object.fromEntries(TEXTS.flatMap(([key, element]) => (text(element).trim() === '' ? [] : [[key, text(element).trim()]]))),
    ...attributesOf(elements?.get(ATTRIBUTE_LIST)),
  };
}

/** Writes a command set, group length first. */
export function encodeCommand(command: Command): Buffer {
  const isResponse = (command.field & RESPONSE) !== 0;
  const requested = OF_AN_INSTANCE.has(command.field);
  const elements: [number: number, value: Buffer][] = [
    [COMMAND_FIELD, uint16(command.field)],
    [isResponse || command.field === COMMAND.cCancelRq ? RESPONDED_MESSAGE_ID : MESSAGE_ID, uint16(command.messageId)],
    [DATA_SET_TYPE, uint16(command.hasDataset ? A_DATA_SET : NO_DATA_SET)],
  ];
  if (PRIORITISED.has(command.field)) elements.push([PRIORITY, uint16(PRIORITY_MEDIUM)]);
  if (command.sopClassUid !== '') elements.push([requested ? REQUESTED_SOP_CLASS : AFFECTED_SOP_CLASS, uid(command.sopClassUid)]);
  if (command.sopInstanceUid !== '')
    elements.push([requested ? REQUESTED_SOP_INSTANCE : AFFECTED_SOP_INSTANCE, uid(command.sopInstanceUid)]);
  for (const [key, element] of NUMBERS) if (command[key] !== undefined) elements.push([element, uint16(command[key])]);
  for (const [key, element] of [...TEXTS, ['errorComment', ERROR_COMMENT] as const])
    if (command[key]) elements.push([element, evened(command[key], ' ')]);
  if (command.attributes) elements.push([ATTRIBUTE_LIST, Buffer.concat(command.attributes.map(tagBytes))]);
  const body = Buffer.concat(elements.sort(([a], [b]) => a - b).map(([number, value]) => element(number, value)));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([element(GROUP_LENGTH, length), body]);
}

/** The response to a request, with the same ids (PS3.7 §9.3.1.2). */
export function responseTo(request: Command, status: number, errorComment = ''): Command {
  const { moveDestination: _, moveOriginator: __, moveOriginatorMessageId: ___, attributes: ____, ...same } = request;
  return { ...same, field: request.field | RESPONSE, hasDataset: false, status, errorComment };
}

/** Values of VR AT (PS3.5 §6.2): group and element, each in two bytes. */
function attributesOf(bytes: Buffer | undefined): { readonly attributes?: readonly string[] } {
  if (bytes === undefined || bytes.length === 0) return {};
  const hex = (offset: number) => bytes.readUInt16LE(offset).toString(16).toUpperCase().padStart(4, '0');
  return { attributes: Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => hex(4 * index) + hex(4 * index + 2)) };
}

function tagBytes(tag: string): Buffer {
  return Buffer.concat([uint16(Number.parseInt(tag.slice(0, 4), 16)), uint16(Number.parseInt(tag.slice(4), 16))]);
}

/** Elements of group 0000 by element number; null when the bytes are no such dataset. */
function elementsOf(bytes: Buffer): Map<number, Buffer> | null {
  const elements = new Map<number, Buffer>();
  for (let offset = 0; offset < bytes.length; ) {
    if (offset + 8 > bytes.length || bytes.readUInt16LE(offset) !== 0) return null;
    const end = offset + 8 + bytes.readUInt32LE(offset + 4);
    if (end > bytes.length) return null;
    elements.set(bytes.readUInt16LE(offset + 2), bytes.subarray(offset + 8, end));
    offset = end;
  }
  return elements;
}

function element(number: number, value: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(number, 2);
  header.writeUInt32LE(value.length, 4);
  return Buffer.concat([header, value]);
}

function uint16(value: number): Buffer {
  return Buffer.from([value & 0xff, value >> 8]);
}

function uid(value: string): Buffer {
  return evened(value, '\0');
}

function evened(value: string, padding: string): Buffer {
  return Buffer.from(value.length % 2 === 0 ? value : value + padding, 'latin1');
}

/** PS3.7 Table E.1-1, elements of group 0000. */
const GROUP_LENGTH = 0x0000;
const AFFECTED_SOP_CLASS = 0x0002;
const REQUESTED_SOP_CLASS = 0x0003;
const COMMAND_FIELD = 0x0100;
const MESSAGE_ID = 0x0110;
const RESPONDED_MESSAGE_ID = 0x0120;
const PRIORITY = 0x0700;
const DATA_SET_TYPE = 0x0800;
const STATUS = 0x0900;
const ERROR_COMMENT = 0x0902;
const AFFECTED_SOP_INSTANCE = 0x1000;
const REQUESTED_SOP_INSTANCE = 0x1001;
const EVENT_TYPE_ID = 0x1002;
const ATTRIBUTE_LIST = 0x1005;
const ACTION_TYPE_ID = 0x1008;

const NUMBERS = [
  ['status', STATUS],
  ['errorId', 0x0903],
  ['eventTypeId', EVENT_TYPE_ID],
  ['actionTypeId', ACTION_TYPE_ID],
  ['remaining', 0x1020],
  ['completed', 0x1021],
  ['failed', 0x1022],
  ['warnings', 0x1023],
  ['moveOriginatorMessageId', 0x1031],
] as const;
const TEXTS = [
  ['moveDestination', 0x0600],
  ['moveOriginator', 0x1030],
] as const;

/** Requests about an instance that is there name it as Requested, not as Affected (PS3.7 §10.3.2 to §10.3.4). */
const OF_AN_INSTANCE: ReadonlySet<number> = new Set([COMMAND.nGetRq, COMMAND.nSetRq, COMMAND.nActionRq]);
const PRIORITISED: ReadonlySet<number> = new Set([COMMAND.cStoreRq, COMMAND.cFindRq, COMMAND.cGetRq, COMMAND.cMoveRq]);
const PRIORITY_MEDIUM = 0x0000;
const NO_DATA_SET = 0x0101;
const A_DATA_SET = 0x0000;
