import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, Provenance, Resource, Task } from '@medplum/fhirtypes';
import type { AdmitFacts, Change } from '../../../src/model/admit.ts';
import { MAX_REPORT_FILE_BYTES } from '../../../src/model/binary.ts';
import type { CaseState } from '../../../src/model/case.ts';
import type { Signer } from '../../../src/model/config.ts';
import type { Caller } from '../../../src/model/peer.ts';
import { admitReport } from '../../../src/reports/admit.ts';
import { filedPdf, newSpecialist, provenanceFor, reportOn, type Specialist } from '../../support/specialist.ts';

const REQUEST = 'ServiceRequest/5e0';
const PATIENT = 'Patient/7a1';
const REPORT = 'DiagnosticReport/d1';
const PDF_DIGEST = createHash('sha256').update('%PDF-1.7').digest('hex');
const READER: Caller = { client: 'reading-room', group: 'radiology', role: 'reader' };

let ada: Specialist;
let report: DiagnosticReport;
let provenance: Provenance;

beforeAll(async () => {
  ada = await newSpecialist();
  report = { ...reportOn(REQUEST, PATIENT), id: 'd1' };
  provenance = { ...(await provenanceFor(ada, report, REPORT, '2026-03-02T09:31:00Z')), id: 'p1' };
});

describe('a report posted by the group that claimed the case', () => {
  it('is taken with its signed Provenance', () => {
    expect(admitAll([report, provenance])).toEqual([null, null]);
  });

  it('is refused alone, and so is its Provenance', () => {
    expect(admitAll([report])).toEqual([refusal('signature')]);
    expect(admitAll([provenance])).toEqual([refusal('invalid')]);
  });

  it('is refused when it was altered', () => {
    expect(admitAll([{ ...report, conclusion: 'Fracture.' }, provenance])[0]).toEqual(refusal('signature'));
  });

  it('is refused when two Provenances claim it, or two reports come at once', async () => {
    const second = { ...report, id: 'd2' };
    const other = await provenanceFor(ada, second, 'DiagnosticReport/d2', '2026-03-02T09:31:00Z');
    expect(admitAll([report, provenance, { ...provenance, id: 'p2' }])[0]).toEqual(refusal('invalid'));
    expect(admitAll([report, provenance, second, other]).slice(0, 1)).toEqual([refusal('invalid')]);
  });

  it('is refused in a case of another patient than the signed one', () => {
    expect(admitAll([report, provenance], { state: { ...claimed(), patient: 'Patient/7a2' } })[0]).toEqual(refusal('invalid'));
  });

  it('is refused with files that could not be sent home, in one or together', async () => {
    const forms = [filedPdf('Binary/1', PDF_DIGEST), filedPdf('Binary/2', PDF_DIGEST)];
    const [one, two] = [
      { ...report, presentedForm: forms.slice(0, 1) },
      { ...report, presentedForm: forms },
    ];
    const signed = async (filed: DiagnosticReport) => [filed, await provenanceFor(ada, filed, REPORT, '2026-03-02T09:31:00Z')];
    expect(admitAll(await signed(one), { size: MAX_REPORT_FILE_BYTES })).toEqual([null, null]);
    expect(admitAll(await signed(one), { size: MAX_REPORT_FILE_BYTES + 1 })[0]).toEqual(refusal('too-large'));
    expect(admitAll(await signed(two), { size: MAX_REPORT_FILE_BYTES / 2 + 1 })[0]).toEqual(refusal('too-large'));
  });

  it('is refused with a text, which nobody signed', () => {
    const text = { status: 'generated' as const, div: '<div xmlns="http://www.w3.org/1999/xhtml">Fracture.</div>' };
    expect(admitAll([{ ...report, text }, provenance])[0]).toEqual(refusal('invalid'));
  });

  it('is refused when it has no case', () => {
    expect(admitAll([{ ...report, basedOn: [{ reference: 'ServiceRequest/none' }] }, provenance])[0]).toEqual(refusal('invalid'));
    const { basedOn: _basedOn, ...groundless } = report;
    expect(admitAll([groundless as DiagnosticReport, provenance])[0]).toEqual(refusal('invalid'));
  });
});

describe('who may report, and when', () => {
  it.each([
    ['another group', { ...READER, group: 'dermatology' }],
    ['the sender of the order', { ...READER, role: 'origin' }],
    ['an operator', { ...READER, role: 'operator' }],
  ] as [string, Caller][])('%s may not', (_who, caller) => {
    expect(admitAll([report, provenance], { caller })[0]).toEqual(refusal('forbidden'));
  });

  it('nobody may in a case that is read on a server of its own', () => {
    const route = { destination: 'clinic', kind: 'push' as const, group: '', why: '' };
    expect(admitAll([report, provenance], { state: { ...claimed(), route } })[0]).toEqual(refusal('forbidden'));
  });

  it.each(['draft', 'requested', 'completed', 'cancelled'] as const)('not while the Task is %s', (status) => {
    expect(admitAll([report, provenance], { task: status })[0]).toEqual(refusal('conflict'));
  });

  it('at once after the claim, before the case has followed its Task', () => {
    expect(admitAll([report, provenance], { state: { ...claimed(), phase: 'requested', claim: null } })).toEqual([null, null]);
  });

  it('not in a case that has its report, and not in a cancelled one', () => {
    const had = { reference: 'DiagnosticReport/d0', provenance: 'Provenance/p0', version: '1', at: '2026-03-02T09:00:00Z', seq: 7 };
    for (const state of [
      { ...claimed(), report: had },
      { ...claimed(), phase: 'cancelled' as const },
    ]) {
      expect(admitAll([report, provenance], { state })[0]).toEqual(refusal('conflict'));
    }
  });
});

describe('a case that has its report', () => {
  const had = { reference: 'DiagnosticReport/d0', provenance: 'Provenance/p0', version: '1', at: '2026-03-02T09:00:00Z', seq: 7 };
  const reported = (over: Partial<CaseState> = {}) => ({ ...claimed(), phase: 'closed' as const, report: had, ...over });
  const corrected = async (status: DiagnosticReport['status']): Promise<Resource[]> => {
    const later = { ...report, status };
    return [later, { ...(await provenanceFor(ada, later, REPORT, '2026-03-02T09:31:00Z')), id: 'p1' }];
  };

  it.each(['amended', 'corrected', 'appended'] as const)('takes one that is %s, from the group that reads it', async (status) => {
    expect(admitAll(await corrected(status), { state: reported(), task: 'completed' })).toEqual([null, null]);
    const other = { caller: { ...READER, group: 'dermatology' }, state: reported(), task: 'completed' as const };
    expect(admitAll(await corrected(status), other)[0]).toEqual(refusal('forbidden'));
  });

  it('is taken back by its signer alone, once, and then takes a new one', async () => {
    const [withdrawal, proof] = (await corrected('entered-in-error')) as [Resource, Provenance];
    const signedBy = (value: string): Provenance => ({
      ...provenance,
      signature: provenance.signature?.map((one) => ({ ...one, who: { identifier: { ...ada.identifier, value } } })),
    });
    const before: Given = { state: reported(), task: 'completed', proof: signedBy('100001') };
    expect(admitAll([withdrawal, proof], before)).toEqual([null, null]);
    expect(admitAll([withdrawal, proof], { ...before, given: { ...report, id: 'd0' } })).toEqual([null, null]);
    expect(admitAll([withdrawal, proof], { ...before, proof: signedBy('100002') })[0]).toEqual(refusal('signature'));
    expect(admitAll([withdrawal, proof], { ...before, proof: null })[0]).toEqual(refusal('invalid'));
    // Another report is on its way through the corridor, or this very withdrawal.
    for (const given of [report, { ...report, id: 'd2', status: 'entered-in-error' as const }])
      expect(admitAll([withdrawal, proof], { ...before, given })[0]).toEqual(refusal('conflict'));
    for (const state of [claimed(), reported({ phase: 'cancelled' }), reported({ report: { ...had, withdrawn: true } })])
      expect(admitAll([withdrawal, proof], { ...before, state, task: 'accepted' })[0]).toEqual(refusal('conflict'));
    const again = { state: { ...claimed(), report: { ...had, withdrawn: true as const } }, given: withdrawal as DiagnosticReport };
    expect(admitAll([report, provenance], again)).toEqual([null, null]);
    expect(admitAll([report, provenance], { ...again, task: 'requested' })[0]).toEqual(refusal('conflict'));
    // While the withdrawal is on its way through the corridor there is nothing to correct.
    const onItsWay: Given = { state: reported(), task: 'completed', given: withdrawal as DiagnosticReport };
    expect(admitAll(await corrected('corrected'), onItsWay)[0]).toEqual(refusal('conflict'));
  });

  it('is taken back with what it was added to only by who signed both', async () => {
    const withdrawn = (await corrected('entered-in-error')) as Resource[];
    const signedBy = (value: string): Provenance => ({
      ...provenance,
      signature: provenance.signature?.map((one) => ({ ...one, who: { identifier: { ...ada.identifier, value } } })),
    });
    const first = { reference: 'DiagnosticReport/d-1', provenance: 'Provenance/p-1', version: '1' };
    const addendum = { ...had, version: '2', appended: true as const, corrects: first, earlier: [first] };
    const answers = (signer: string, state: CaseState) =>
      admitAll(withdrawn, { state, task: 'completed', proof: signedBy('100001'), earlierProof: signedBy(signer) });
    expect(answers('100001', reported({ report: addendum }))).toEqual([null, null]);
    expect(answers('100002', reported({ report: addendum }))[0]).toEqual(refusal('signature'));
    // What is corrected does not stand beside its correction.
    const { appended: _appended, ...correction } = addendum;
    expect(answers('100002', reported({ report: correction }))).toEqual([null, null]);
    const { provenance: _provenance, ...unknown } = first;
    expect(answers('100001', reported({ report: { ...addendum, earlier: [unknown] } }))[0]).toEqual(refusal('invalid'));
  });

  it('takes no second one that says it is the first, and none after a cancel', async () => {
    expect(admitAll(await corrected('final'), { state: reported(), task: 'completed' })[0]).toEqual(refusal('conflict'));
    const cancelled = { state: reported({ phase: 'cancelled' }), task: 'cancelled' as const };
    expect(admitAll(await corrected('corrected'), cancelled)[0]).toEqual(refusal('conflict'));
  });
});

describe('a report that was taken', () => {
  it('is never changed or deleted, nor its Provenance', () => {
    const changes: Change[] = [
      { before: report, after: { ...report, status: 'amended' } },
      { before: report, after: null },
      { before: provenance, after: { ...provenance, recorded: '2026-03-03T00:00:00Z' } },
      { before: provenance, after: null },
    ];
    for (const change of changes) expect(admitReport(change, factsOf([change]), signersOf(ada))).toEqual(refusal('conflict'));
  });

  it('cannot be made out of another resource by an update', () => {
    const change = { before: { ...report, basedOn: [] }, after: report };
    expect(admitReport(change, factsOf([change]), signersOf(ada))).toEqual(refusal('invalid'));
  });
});

describe('what is no report on a case', () => {
  it('is not judged: prior findings of an origin, their Provenance, other resources', () => {
    const prior: DiagnosticReport = { resourceType: 'DiagnosticReport', id: 'd9', status: 'final', code: { text: 'CT 2019' } };
    const note: Provenance = {
      resourceType: 'Provenance',
      id: 'p9',
      target: [{ reference: 'Patient/7a1' }],
      recorded: '2026-03-02',
      agent: [],
    };
    expect(admitAll([prior, note, { resourceType: 'Patient', id: '7a1' }], { caller: { ...READER, role: 'origin' } })).toEqual([
      null,
      null,
      null,
    ]);
  });
});

type Given = {
  caller?: Caller;
  state?: CaseState;
  task?: Task['status'];
  size?: number;
  proof?: Provenance | null;
  earlierProof?: Provenance | null;
  given?: DiagnosticReport | null;
};

function admitAll(resources: Resource[], given: Given = {}): unknown[] {
  const changes = resources.map((after) => ({ before: null, after }));
  return changes.map((change) => admitReport(change, factsOf(changes, given), signersOf(ada)));
}

function factsOf(
  changes: readonly Change[],
  { caller = READER, state = claimed(), task = 'accepted', size = 9, proof = null, earlierProof = null, given = null }: Given = {},
): AdmitFacts {
  return {
    caller,
    now: new Date('2026-03-02T09:32:00Z'),
    changes,
    caseOf: (reference) => (reference === REQUEST ? state : null),
    read: (reference) => {
      if (reference === state.task) return { resourceType: 'Task', status: task, intent: 'order' };
      return { 'Provenance/p0': proof, 'Provenance/p-1': earlierProof }[reference] ?? null;
    },
    reportOn: () => given,
    blobOf: () => PDF_DIGEST,
    sizeOf: () => size,
    versionNamed: false,
  };
}

function claimed(): CaseState {
  return {
    id: '0195-case',
    phase: 'claimed',
    specialty: 'teleradiology',
    priority: 'routine',
    production: true,
    origin: { peer: 'hospital', kind: 'hl7v2', group: '', seq: 1 },
    patientKeys: [],
    patient: PATIENT,
    serviceRequest: REQUEST,
    task: 'Task/1',
    studies: [],
    members: [],
    hints: [],
    keys: [],
    missing: [],
    released: null,
    route: { destination: 'radiologists', kind: 'pull', group: 'radiology', why: '' },
    push: null,
    claim: { by: 'reading-room', at: '2026-03-02T09:00:00Z' },
    report: null,
    returns: [],
    wake: null,
  };
}

function signersOf({ name, identifier, publicJwk }: Specialist): Signer[] {
  return [{ name, identifier, jwk: publicJwk }];
}

function refusal(code: string): unknown {
  return expect.objectContaining({ failure: true, room: 'reports', class: 'permanent', code });
}
