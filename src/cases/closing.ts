/**
 * What closes a study. In: what was said of it (model/closing.ts), what has come, when last, and how long its specialty waits.
 * Out: whether it may be read, what is still missing, and when to look again. The table below is all of the rule: a signal beats the quiet
 * time; where what was said and what is here disagree, the specialty's limit is waited for, and what is missing is told.
 */
import type { CaseState, StudySummary } from '../model/case.ts';
import type { ClosingCount, ClosingKind } from '../model/closing.ts';
import type { Specialty } from '../model/config.ts';
import { patientsAgree } from './match.ts';

export type Closing = {
  /** What of the study is missing, in words for the Task; '' for nothing. */
  readonly missing: string;
  readonly wake: number | null;
  /** What closed it; '' while it is not closed, or where nothing came that could be. */
  readonly by: string;
  /** The limit is over: it may go as it is. */
  readonly late: boolean;
};

export type Told = 'nothing' | 'counted' | 'performing' | 'performed' | 'discontinued' | 'mistaken';
/** Of what is named: nothing, or some of it is not here; for `nothing` and `all`, whatever is here besides. */
export type Here = 'none' | 'some' | 'all';
/** `quiet`: after the specialty's quiet time; `wait`: not before the limit; `never`: a person decides. */
export type Rule = 'quiet' | 'now' | 'wait' | 'never';

/** Each study by itself: a case waits for the one that is furthest behind. */
export function closingOf(state: CaseState, specialty: Specialty, counts: readonly ClosingCount[], nowMs: number): Closing {
  const units = unitsOf(
    state,
    counts.filter((count) => isOf(state, count)),
  );
  const closings = units.map(({ study, counts: said }) => closingOfStudy(summaryOf(study, said), specialty, nowMs));
  const open = closings.filter(({ missing }) => missing !== '');
  const wakes = open.flatMap(({ wake }) => (wake === null ? [] : [wake]));
  return {
    missing: [...new Set(open.map(({ missing }) => missing))].join('; '),
    wake: wakes.length === 0 ? null : Math.min(...wakes),
    by: open.length > 0 ? '' : [...new Set(closings.map(({ by }) => by))].filter((by) => by !== '').join(', '),
    late: open.length > 0 && open.every(({ late }) => late),
  };
}

function closingOfStudy(study: Study, { whole: { quietMs, limitMs } }: Specialty, nowMs: number): Closing {
  const rule = ruleOf(study.told, study.here);
  if (rule === 'now') return { missing: '', wake: null, by: study.by, late: false };
  if (rule === 'never') return { missing: textOf(study), wake: null, by: '', late: false };
  const due = rule === 'quiet' ? study.lastReceived + quietMs : Math.max(study.lastReceived, study.saidAt) + limitMs;
  const over = due <= nowMs;
  if (rule === 'wait') return { missing: textOf(study), wake: over ? null : due, by: '', late: over };
  if (over) return { missing: '', wake: null, by: 'quiet time', late: false };
  return { missing: 'study: instances are still arriving', wake: due, by: '', late: false };
}

/** What is said of a study counts where the patient agrees; what names no patient counts by the study alone. */
function isOf(state: CaseState, { keys, patient }: ClosingCount): boolean {
  if (patient.length > 0) return state.patientKeys.length > 0 && patientsAgree(patient, state.patientKeys);
  return keys.some((key) => key.kind === 'study' && isKnown(state, key.value));
}

type Unit = { readonly study: StudySummary | null; readonly counts: readonly ClosingCount[] };

/** The studies that are here with what is said of them, and those that are only spoken of. */
function unitsOf(state: CaseState, counts: readonly ClosingCount[]): Unit[] {
  const studiesOf = (count: ClosingCount) => count.keys.flatMap(({ kind, value }) => (kind === 'study' ? [value] : []));
  const here = state.studies.map((study) => ({ study, counts: counts.filter((count) => studiesOf(count).includes(study.uid)) }));
  const elsewhere = counts.filter((count) => !here.some(({ counts: said }) => said.includes(count)));
  const spokenOf = Map.groupBy(elsewhere, (count) => studiesOf(count).find((uid) => isKnown(state, uid)) ?? studiesOf(count)[0] ?? '');
  return [...here, ...[...spokenOf.values()].map((said) => ({ study: null, counts: said }))];
}

function isKnown({ keys }: CaseState, study: string): boolean {
  return keys.some(({ kind, value }) => kind === 'study' && value === study);
}

type Study = {
  readonly told: Told;
  readonly here: Here;
  readonly by: string;
  readonly instances: number;
  readonly lastReceived: number;
  readonly saidAt: number;
  /** Of the one that misses most. */
  readonly named: number;
  readonly absent: number;
  readonly absentUids: readonly string[];
};

function summaryOf(study: StudySummary | null, counts: readonly ClosingCount[]): Study {
  const { instances, lastReceived } = study ?? { instances: 0, lastReceived: 0 };
  const { told, telling } = toldBy(counts, study);
  const worst = [...telling].sort((a, b) => b.absent - a.absent)[0] ?? { named: 0, absent: 0, absentUids: [] };
  return {
    ...{ told, instances, lastReceived },
    here: instances === 0 ? 'none' : worst.absent > 0 ? 'some' : 'all',
    by: [...new Set(telling.map(({ kind }) => WORDS[kind]))].join(', '),
    saidAt: Math.max(0, ...telling.map(({ at }) => at.getTime())),
    ...{ named: worst.named, absent: worst.absent, absentUids: worst.absentUids },
  };
}

type Telling = Pick<ClosingCount, 'named' | 'absent' | 'absentUids' | 'at'> & { readonly kind: ClosingKind | 'count' };

/**
 * The modality's word on what it is doing comes before a PACS's on what it has, and both before a number. Of several steps the one that
 * goes on counts, then those that were completed: a step that was broken off may have been begun again.
 */
function toldBy(counts: readonly ClosingCount[], study: StudySummary | null): { told: Told; telling: readonly Telling[] } {
  const { instances = 0, expected = 0 } = study ?? {};
  const steps = counts.filter(({ kind }) => kind === 'mpps');
  for (const told of ['performing', 'performed', 'discontinued', 'mistaken'] as const) {
    const telling = steps.filter((step) => step.state === told);
    if (told === 'performed' ? telling.some(({ named }) => named > 0) : telling.length > 0) {
      return { told, telling: told === 'performed' ? [...telling, ...counts.filter(({ kind }) => kind !== 'mpps')] : telling };
    }
  }
  const sets = counts.filter((count) => count.kind !== 'mpps' && isWholeSet(count, instances));
  if (sets.length > 0) return { told: 'performed', telling: sets };
  if (expected === 0) return { told: 'nothing', telling: [] };
  const absent = Math.max(0, expected - instances);
  return { told: 'counted', telling: [{ kind: 'count', named: expected, absent, absentUids: [], at: new Date(0) }] };
}

/** Some ask for the commitment of each object, or of each series, as it was sent: that tells nothing of the study. */
function isWholeSet({ kind, named }: ClosingCount, instances: number): boolean {
  return named >= instances && (kind === 'ian' || named > 1);
}

function textOf({ told, instances, named, absent, absentUids }: Study): string {
  if (told === 'performing') return 'study: the procedure is still being performed';
  if (told === 'mistaken') return 'study: performed for the wrong worklist entry, a person decides';
  if (told === 'discontinued' && instances === 0) return 'study: the procedure was discontinued, images may never come';
  const which = absentUids.length === 0 ? '' : ` (${absentUids.join(', ')}${absent > absentUids.length ? ' …' : ''})`;
  const head = told === 'discontinued' ? 'study: the procedure was discontinued; ' : 'study: ';
  return `${head}${named - absent} of ${named} instances are here${which}`;
}

const WORDS: Readonly<Record<ClosingKind | 'count', string>> = {
  mpps: 'performed procedure step',
  ian: 'notification of availability',
  commitment: 'request for storage commitment',
  count: 'number of study related instances',
};

export function ruleOf(told: Told, here: Here): Rule {
  return RULES[told][HERE.indexOf(here)] as Rule;
}

const HERE: readonly Here[] = ['none', 'some', 'all'];

/** What was said of the study × what of it is here: nothing, not all that is named, all of it. */
const RULES: Readonly<Record<Told, readonly [Rule, Rule, Rule]>> = {
  nothing: ['quiet', 'quiet', 'quiet'],
  counted: ['wait', 'wait', 'now'],
  performing: ['wait', 'wait', 'wait'],
  performed: ['wait', 'wait', 'now'],
  // What was made before it was broken off is here: it may be begun again at once.
  discontinued: ['never', 'wait', 'quiet'],
  mistaken: ['never', 'never', 'never'],
};
