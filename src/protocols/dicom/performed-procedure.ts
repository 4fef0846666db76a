/**
 * Modality Performed Procedure Step (PS3.4 Annex F): a modality says that it has begun, and what it has made when it is done.
 * In: the state a step is in, and what is asked of it. Out: its next state, or the status by which the request is refused; the step as it
 * then stands (DICOM JSON Model); and which instances it says it has made.
 */
import { vrOf } from './dictionary.ts';
import type { DicomJson } from './header.ts';
import { isUid } from './uid.ts';

/** Performed Procedure Step Status (0040,0252). */
export type StepState = 'IN PROGRESS' | 'COMPLETED' | 'DISCONTINUED';
export type StepOperation = 'N-CREATE' | 'N-SET';
/** `errorId`: Error ID (0000,0903), where the service names one. */
export type StepRefusal = { readonly status: number; readonly errorId?: number; readonly errorComment: string };

/** What a step says of the studies it is of. */
export type StepFacts = {
  readonly state: StepState;
  /** Of the Scheduled Step Attributes Sequence. */
  readonly studies: readonly string[];
  /** SOP Instance UIDs of all performed series, images or not. */
  readonly instances: readonly string[];
  /** It was performed for the wrong worklist entry: its images are not what the order asks for. */
  readonly mistaken: boolean;
};

/** The next state of a step; `state` is null where there is no such step. */
export function nextStep(state: StepState | null, operation: StepOperation, dataset: DicomJson): StepState | StepRefusal {
  const said = textAt(dataset, STATUS) || '-';
  const row = `${operation} ${KNOWN.has(said) ? said : 'other'}`;
  const cell = CELLS.get(`${row} ${state ?? 'none'}`) as string;
  if (KNOWN_STATES.has(cell)) return operation === 'N-CREATE' ? (faultOf(dataset) ?? (cell as StepState)) : (cell as StepState);
  return REFUSALS[cell] as StepRefusal;
}

/** PS3.4 Table F.7.2-1: what the N-CREATE must say (type 1). */
function faultOf(dataset: DicomJson): StepRefusal | null {
  const missing = REQUIRED.find((tag) => dataset[tag] === undefined);
  if (missing) return { ...(REFUSALS['0120'] as StepRefusal), errorComment: `no (${missing.slice(0, 4)},${missing.slice(4)})` };
  const empty = REQUIRED.find((tag) => (dataset[tag]?.Value ?? []).length === 0);
  if (empty) return { ...(REFUSALS['0121'] as StepRefusal), errorComment: `nothing in (${empty.slice(0, 4)},${empty.slice(4)})` };
  return itemsAt(dataset, SCHEDULED_STEPS).every((item) => isUid(textAt(item, STUDY))) ? null : (REFUSALS['0121'] as StepRefusal);
}

/** The step after an N-SET. What only an N-CREATE may say (patient, scheduled steps, start) stays as it was. */
export function updatedStep(before: DicomJson, update: DicomJson): DicomJson {
  return { ...before, ...Object.fromEntries(Object.entries(update).filter(([tag]) => SETTABLE.has(tag))) };
}

/** What an N-GET is answered of a step (§F.8.2): attributes that are asked for, empty where it has none; all of it where none is named. */
export function requestedOfStep(
  step: DicomJson,
  attributes: readonly string[] | undefined,
): { readonly json: DicomJson; readonly isWhole: boolean } {
  if (attributes === undefined) return { json: step, isWhole: true };
  const kept = attributes.filter((tag) => STEP_TAGS.has(Number.parseInt(tag, 16)));
  const json = Object.fromEntries(kept.map((tag) => [tag, step[tag] ?? { vr: vrOf(Number.parseInt(tag, 16)) }]));
  return { json, isWhole: kept.length === attributes.length };
}

/** What a step says; one that was kept has a state. */
export function stepFacts(step: DicomJson): StepFacts {
  const series = itemsAt(step, PERFORMED_SERIES);
  const objects = series.flatMap((item) => [...itemsAt(item, REFERENCED_IMAGES), ...itemsAt(item, REFERENCED_OTHERS)]);
  return {
    state: textAt(step, STATUS) as StepState,
    studies: uidsIn(itemsAt(step, SCHEDULED_STEPS), STUDY),
    instances: uidsIn(objects, SOP_INSTANCE),
    mistaken: itemsAt(step, REASON).some((reason) => textAt(reason, CODE_VALUE) === WRONG_ENTRY && textAt(reason, CODE_SCHEME) === 'DCM'),
  };
}

/** Scheduled Step Attributes Sequence: the orders that a step is of. */
export function scheduledSteps(step: DicomJson): DicomJson[] {
  return itemsAt(step, SCHEDULED_STEPS);
}

/** First value of an attribute as text; '' where there is none. `tag` as in the DICOM JSON Model. */
export function textAt(json: DicomJson, tag: string): string {
  const value = json[tag]?.Value?.[0];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Items of a sequence. */
export function itemsAt(json: DicomJson, tag: string): DicomJson[] {
  return (json[tag]?.Value ?? []).filter((value): value is DicomJson => typeof value === 'object' && value !== null);
}

/** The UIDs of items, each once. */
export function uidsIn(items: readonly DicomJson[], tag: string): string[] {
  return [...new Set(items.map((item) => textAt(item, tag)).filter(isUid))];
}

/** Memory for the dataset of one step: some 20,000 instances. */
export const MAX_STEP_BYTES = 8 * 1024 * 1024;

const STATUS = '00400252';
const SCHEDULED_STEPS = '00400270';
const PERFORMED_SERIES = '00400340';
const REFERENCED_IMAGES = '00081140';
/** Referenced Non-Image Composite SOP Instance Sequence. */
const REFERENCED_OTHERS = '00400220';
const SOP_INSTANCE = '00081155';
const STUDY = '0020000D';
/** Performed Procedure Step Discontinuation Reason Code Sequence (CID 9300). */
const REASON = '00400281';
const CODE_VALUE = '00080100';
const CODE_SCHEME = '00080102';
/** DCM: Incorrect worklist entry selected. */
const WRONG_ENTRY = '110514';

/** Modality, station AE title, start date and time, status, id, scheduled steps. */
const REQUIRED = ['00080060', '00400241', '00400244', '00400245', STATUS, '00400253', SCHEDULED_STEPS];

/** PS3.4 Table F.7.2-1, what an N-SET may say: status, description, end, comments, reason, type, codes, series; dose; billing and material. */
const SETTABLE: ReadonlySet<string> = new Set([
  ...[STATUS, '00400254', '00400250', '00400251', '00400280', REASON],
  ...['00400255', '00081032', '00400260', PERFORMED_SERIES],
  ...['00400300', '00400301', '00181110', '00400302', '00408302', '00400303', '0018115E', '00400310', '0040030E'],
  ...['00400320', '00400321', '00400324'],
]);

/** What only an N-CREATE says beside what it must: the patient, the study's number and the place. */
const CREATED = [
  ...['00080005', '00100010', '00100020', '00100021', '00100022', '00100024', '00100030', '00100040', '00081120'],
  ...['00200010', '00400242', '00400243'],
];

/** The tags to hand to a DatasetReader. */
export const STEP_TAGS: ReadonlySet<number> = new Set([...REQUIRED, ...SETTABLE, ...CREATED].map((tag) => Number.parseInt(tag, 16)));

const STATES = ['IN PROGRESS', 'COMPLETED', 'DISCONTINUED'] as const satisfies readonly StepState[];
const KNOWN_STATES: ReadonlySet<string> = new Set(STATES);
/** `-`: it says no status. */
const KNOWN: ReadonlySet<string> = new Set([...STATES, '-']);

/** PS3.4 §F.7.2.1.2, §F.7.2.2.2: what is asked (with the status it says) × the state of the step → its next state, or a status. */
const TABLE = `
                      | none        | IN PROGRESS  | COMPLETED | DISCONTINUED
N-CREATE -            | 0120        | 0111         | 0111      | 0111
N-CREATE IN PROGRESS  | IN PROGRESS | 0111         | 0111      | 0111
N-CREATE COMPLETED    | 0106        | 0111         | 0111      | 0111
N-CREATE DISCONTINUED | 0106        | 0111         | 0111      | 0111
N-CREATE other        | 0106        | 0111         | 0111      | 0111
N-SET -               | 0112        | IN PROGRESS  | 0110      | 0110
N-SET IN PROGRESS     | 0112        | IN PROGRESS  | 0110      | 0110
N-SET COMPLETED       | 0112        | COMPLETED    | 0110      | 0110
N-SET DISCONTINUED    | 0112        | DISCONTINUED | 0110      | 0110
N-SET other           | 0112        | 0106         | 0110      | 0110
`;

const CELLS: ReadonlyMap<string, string> = readTable(TABLE);

function readTable(text: string): ReadonlyMap<string, string> {
  const [head = [], ...rows] = text
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()));
  // The head has no name for its first column.
  const states = head.filter((cell) => cell !== '');
  return new Map(rows.flatMap(([row, ...cells]) => cells.map((cell, index) => [`${row} ${states[index]}`, cell] as const)));
}

/** PS3.7 Annex C, and PS3.4 Table F.7.2-2 for the Error ID. */
const REFUSALS: Readonly<Record<string, StepRefusal>> = {
  '0106': { status: 0x0106, errorComment: 'not a status the step may have' },
  '0110': { status: 0x0110, errorId: 0xa710, errorComment: 'Performed Procedure Step Object may no longer be updated' },
  '0111': { status: 0x0111, errorComment: 'the step is there already' },
  '0112': { status: 0x0112, errorComment: 'no such step' },
  '0120': { status: 0x0120, errorComment: 'an attribute is missing' },
  '0121': { status: 0x0121, errorComment: 'a value is missing' },
};
