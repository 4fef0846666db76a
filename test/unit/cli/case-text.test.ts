import { describe, expect, it } from '@jest/globals';
import { caseText, timelineText } from '../../../src/cli/case-text.ts';
import { banner } from '../../../src/cli/start.ts';
import { columns, printable } from '../../../src/cli/terminal.ts';
import type { CaseView, TimelineLine } from '../../../src/endpoints/operations/contract.ts';

const VIEW: CaseView = {
  id: '0190aaaa-0000-7000-8000-000000000001',
  phase: 'reported',
  specialty: 'teleradiology',
  group: 'readers',
  opened: '2026-03-02T10:00:00.000Z',
  updated: '2026-03-02T10:30:00.000Z',
  priority: 'stat',
  production: true,
  origin: 'ris',
  patient: 'Patient/p',
  serviceRequest: 'ServiceRequest/s',
  task: 'Task/t',
  keys: [{ kind: 'accession', system: 'default', value: 'ACC-1' }],
  studies: [{ uid: '1.2.3', modalities: ['CT'], series: 1, instances: 24 }],
  members: [],
  released: null,
  route: { destination: 'readers', kind: 'pull', group: 'readers', why: 'always' },
  objects: null,
  commitments: [],
  claim: { by: 'dr-ada', at: '2026-03-02T10:10:00.000Z' },
  report: null,
  waitingFor: ['the receipt of ris for oru R1'],
  deliveries: [],
  timeline: [
    { at: '2026-03-02T10:00:00.000Z', kind: 'opened', actor: 'ris', detail: 'order', seq: 7, message: 'ORM^O01 M1' },
    { at: '2026-03-02T10:10:00.000Z', kind: 'claimed', actor: 'dr-ada', detail: 'claimed by dr-ada', seq: null, message: '' },
  ],
};

describe('a case as text', () => {
  it('says what it is, each hop, and what is waited for', () => {
    expect(caseText(VIEW)).toBe(
      [
        'case 0190aaaa-0000-7000-8000-000000000001: reported (teleradiology, stat)',
        '',
        '  asked by  ris',
        '  order     ServiceRequest/s, Task/t',
        '  patient   Patient/p',
        '  keys      accession ACC-1',
        '  images    CT 1 series, 24 instances, 1.2.3',
        '  route     readers (pull, group readers): always',
        '  claimed   by dr-ada at 2026-03-02 10:10:00Z',
        '',
        '  2026-03-02 10:00:00Z  opened   ris     order (ORM^O01 M1 #7)',
        '  2026-03-02 10:10:00Z  claimed  dr-ada  claimed by dr-ada',
        '',
        'waits for',
        '  the receipt of ris for oru R1',
      ].join('\n'),
    );
  });

  it('one that waits for nothing says so', () => {
    expect(caseText({ ...VIEW, waitingFor: [] })).toMatch(/\n\nnothing is waited for$/);
  });
});

describe('a timeline', () => {
  const line = (kind: string, detail: string, seq: number): TimelineLine => ({
    at: VIEW.opened,
    kind,
    actor: 'ct',
    detail,
    seq,
    message: 'CT 1.2',
  });

  it('shows of the steps in which a study arrives only the last', () => {
    const timeline = [1, 2, 3].map((n) => line('images-received', `study of ${n} instances`, n));
    expect(
      timelineText({
        ...VIEW,
        timeline: [...timeline, line('routed', 'to readers', 4), line('images-received', 'study of 4 instances', 5)],
      }),
    ).toBe(
      [
        '  2026-03-02 10:00:00Z  images-received  ct  study of 3 instances (CT 1.2 #3)',
        '  2026-03-02 10:00:00Z  routed           ct  to readers (CT 1.2 #4)',
        '  2026-03-02 10:00:00Z  images-received  ct  study of 4 instances (CT 1.2 #5)',
      ].join('\n'),
    );
  });

  it('does not name a message twice', () => {
    expect(timelineText({ ...VIEW, timeline: [line('order-received', 'CT 1.2, order control NW', 1)] })).toMatch(
      / {2}CT 1\.2, order control NW \(#1\)$/,
    );
  });
});

describe('the terminal', () => {
  it('gets no control characters of a sender, but keeps lines', () => {
    expect(printable('a\u001b[2J\u0007\rb\u009b\u202e\nÄ…')).toBe('a·[2J··b··\nÄ…');
  });

  it('columns stand under each other', () => {
    expect(
      columns(
        [
          ['a', 'bbb', 'c'],
          ['aaaa', 'b', ''],
        ],
        '  ',
      ),
    ).toBe('  a     bbb  c\n  aaaa  b');
    expect(columns([])).toBe('');
  });

  it('a start prints each door on a line of its own', () => {
    const doors = ['mllp 127.0.0.1:2575', 'dimse WAYSTATION@127.0.0.1:11112', 'http http://127.0.0.1:8080/fhir'];
    const lines = banner(doors, '', { dataDirectory: '/d' } as Parameters<typeof banner>[2])
      .split('\n')
      .map((line) => line.trim());
    expect(lines).toEqual(expect.arrayContaining(doors));
  });
});
