import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import { DatasetReader } from '../../../../src/protocols/dicom/dataset-reader.ts';
import { type DicomJson, dicomJson } from '../../../../src/protocols/dicom/header.ts';
import { AVAILABILITY_TAGS, availabilityFacts } from '../../../../src/protocols/dicom/instance-availability.ts';
import {
  MAX_STEP_BYTES,
  nextStep,
  requestedOfStep,
  STEP_TAGS,
  type StepState,
  stepFacts,
  updatedStep,
} from '../../../../src/protocols/dicom/performed-procedure.ts';
import { type TransferSyntax, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import { writeDataset } from '../../../../src/protocols/dicom/write.ts';
import { availability, performedStep, seriesOf } from '../../../support/performed-step.ts';
import fc from '../../../support/properties.ts';

const read = (bytes: Buffer, explicit: boolean, tags = STEP_TAGS, limit = MAX_STEP_BYTES) => {
  const reader = new DatasetReader(transferSyntax(explicit ? '1.2.840.10008.1.2.1' : '1.2.840.10008.1.2') as TransferSyntax, tags, limit);
  expect(reader.push(bytes) ?? reader.end()).toBeNull();
  return { json: dicomJson(reader.dataset), overflowed: reader.overflowed };
};
const created = (status = 'IN PROGRESS') => read(writeDataset(performedStep({ status })), true).json;
const without = (json: DicomJson, tag: string) => Object.fromEntries(Object.entries(json).filter(([key]) => key !== tag));
const said = (status: string): DicomJson => (status === '-' ? {} : { '00400252': { vr: 'CS', Value: [status] } });

const REFUSED = { '0106': 0x0106, '0110': 0x0110, '0111': 0x0111, '0112': 0x0112, '0120': 0x0120 } as const;
const STATES = [null, 'IN PROGRESS', 'COMPLETED', 'DISCONTINUED'] as const;
const ROWS = [
  ['N-CREATE', '-', ['0120', '0111', '0111', '0111']],
  ['N-CREATE', 'IN PROGRESS', ['IN PROGRESS', '0111', '0111', '0111']],
  ['N-CREATE', 'COMPLETED', ['0106', '0111', '0111', '0111']],
  ['N-CREATE', 'DISCONTINUED', ['0106', '0111', '0111', '0111']],
  ['N-CREATE', 'ABANDONED', ['0106', '0111', '0111', '0111']],
  ['N-SET', '-', ['0112', 'IN PROGRESS', '0110', '0110']],
  ['N-SET', 'IN PROGRESS', ['0112', 'IN PROGRESS', '0110', '0110']],
  ['N-SET', 'COMPLETED', ['0112', 'COMPLETED', '0110', '0110']],
  ['N-SET', 'DISCONTINUED', ['0112', 'DISCONTINUED', '0110', '0110']],
  ['N-SET', 'ABANDONED', ['0112', '0106', '0110', '0110']],
] as const;
const CELLS = ROWS.flatMap(([operation, status, cells]) =>
  cells.map((cell, at) => [operation, status, STATES[at] as StepState | null, cell] as const),
);

describe('what is asked of a step', () => {
  it('is all of it, or what is named: empty where it has none, and known to be left out where nothing of the kind is kept', () => {
    const step = created();
    expect(requestedOfStep(step, undefined)).toEqual({ json: step, isWhole: true });
    expect(requestedOfStep(step, ['00400252', '00100040'])).toEqual({
      json: { '00400252': { vr: 'CS', Value: ['IN PROGRESS'] }, '00100040': { vr: 'CS' } },
      isWhole: true,
    });
    expect(requestedOfStep(step, ['00080018', '00400253'])).toEqual({ json: { '00400253': step['00400253'] }, isWhole: false });
  });
});

describe('the state of a performed procedure step', () => {
  it.each(CELLS)('%s of status %s while it is %s: %s', (operation, status, state, cell) => {
    const dataset = operation === 'N-CREATE' ? { ...without(created(), '00400252'), ...said(status) } : said(status);
    const next = nextStep(state, operation, dataset);
    if (cell in REFUSED) expect(next).toMatchObject({ status: REFUSED[cell as keyof typeof REFUSED] });
    else expect(next).toBe(cell);
  });

  it('names the error of PS3.4 Table F.7.2-2 when a final step is set again', () => {
    expect(nextStep('COMPLETED', 'N-SET', said('DISCONTINUED'))).toMatchObject({ status: 0x0110, errorId: 0xa710 });
  });

  it.each(['00080060', '00400241', '00400244', '00400245', '00400253', '00400270'])(
    'is not created without %s, nor with it empty',
    (tag) => {
      expect(nextStep(null, 'N-CREATE', without(created(), tag))).toMatchObject({ status: 0x0120 });
      expect(nextStep(null, 'N-CREATE', { ...created(), [tag]: { vr: 'LO' } })).toMatchObject({ status: 0x0121 });
    },
  );

  it('is not created for a scheduled step without a study', () => {
    expect(nextStep(null, 'N-CREATE', { ...created(), '00400270': { vr: 'SQ', Value: [{}] } })).toMatchObject({ status: 0x0121 });
  });

  it('has error comments that fit their field', () => {
    for (const [operation, status, state] of CELLS) {
      const next = nextStep(state, operation, said(status));
      if (typeof next !== 'string') expect(next.errorComment.length).toBeLessThanOrEqual(64);
    }
  });
});

describe('what a step says', () => {
  it('is the same in both encodings: the study, images and other objects of every series, each once', () => {
    const elements = performedStep({
      status: 'COMPLETED',
      study: '1.2.3',
      series: [seriesOf('1.2.3.1', ['1.1', '1.2']), seriesOf('1.2.3.2', ['1.2'], ['1.3'])],
    });
    for (const explicit of [true, false]) {
      const facts = stepFacts(read(writeDataset(elements, explicit), explicit).json);
      expect(facts).toEqual({ state: 'COMPLETED', studies: ['1.2.3'], instances: ['1.1', '1.2', '1.3'], mistaken: false });
    }
  });

  it('keeps what an N-SET may not change, and replaces what it may', () => {
    const update = read(
      writeDataset(performedStep({ status: 'COMPLETED', study: '9.9', patient: 'OTHER', series: [seriesOf('1.2', ['1.1'])] })),
      true,
    ).json;
    const step = updatedStep(created(), update);
    expect(step['00100020']).toEqual(created()['00100020']);
    expect(stepFacts(step)).toMatchObject({ state: 'COMPLETED', studies: stepFacts(created()).studies, instances: ['1.1'] });
  });

  it('is mistaken when it was for the wrong worklist entry (DCM 110514)', () => {
    const step = (code: string) =>
      stepFacts(read(writeDataset(performedStep({ status: 'DISCONTINUED', reason: code })), true).json).mistaken;
    expect([step('110514'), step('110513')]).toEqual([true, false]);
  });

  it('tells when it names more than is kept', () => {
    const many = Array.from({ length: 2_000 }, (_, index) => `1.2.840.99999.1.${index}`);
    const bytes = writeDataset(performedStep({ series: [seriesOf('1.2', many)] }));
    expect(read(bytes, true).overflowed).toBe(false);
    expect(read(bytes, true, STEP_TAGS, 64 * 1024).overflowed).toBe(true);
  });

  it('reads any bytes without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(200), (noise, at) => {
        const bytes = writeDataset(performedStep({ series: [seriesOf('1.2', ['1.1'])] }));
        bytes.set(noise.subarray(0, Math.max(0, bytes.length - at)), at);
        const reader = new DatasetReader(transferSyntax('1.2.840.10008.1.2.1') as TransferSyntax, STEP_TAGS, MAX_STEP_BYTES);
        if ((reader.push(bytes) ?? reader.end()) === null) nextStep(null, 'N-CREATE', dicomJson(reader.dataset));
      }),
    );
  });
});

describe('what a notification of availability says', () => {
  it('is the study and the instances that can be had', () => {
    const bytes = writeDataset(availability('1.2.3', { '1.1': 'ONLINE', '1.2': 'UNAVAILABLE', '1.3': 'NEARLINE' }));
    expect(availabilityFacts(read(bytes, true, AVAILABILITY_TAGS).json)).toEqual({ study: '1.2.3', instances: ['1.1', '1.3'] });
  });

  it('is nothing without a study or instances', () => {
    expect(isFailure(availabilityFacts({}))).toBe(true);
    expect(isFailure(availabilityFacts(read(writeDataset(availability('1.2.3', {})), true, AVAILABILITY_TAGS).json))).toBe(true);
  });
});
