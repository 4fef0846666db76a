import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../src/config/load.ts';
import { faultText } from '../../../src/config/source.ts';
import { surroundings } from '../../../src/config/surroundings-store.ts';
import type { MappingOverrides } from '../../../src/model/override.ts';

/** A configuration of one peer, with this said of its mapping, and files beside it. */
function load(mapping: string, files: Record<string, string> = {}): ReturnType<typeof loadConfig> {
  const { specialtiesDirectory, list, readText } = surroundings();
  const known: Record<string, string> = {
    '/srv/waystation.yaml': `peers:\n  - name: north\n    http: { client: north }\n    mapping: ${mapping}\n`,
    ...files,
  };
  return loadConfig({
    env: {},
    cwd: '/srv',
    uid: 1000,
    specialtiesDirectory,
    list,
    othersReach: () => true,
    readText: (path) => {
      if (path.startsWith(specialtiesDirectory)) return readText(path);
      if (known[path] === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
      return known[path];
    },
  });
}

function overrides(mapping: string, files: Record<string, string> = {}): MappingOverrides | undefined {
  const result = load(mapping, files);
  if ('faults' in result) throw new Error(result.faults.map(faultText).join('\n'));
  return result.config.peers[0]?.mapping;
}

function faults(lines: readonly string[]): string[] {
  const result = load('{ file: north.yaml }', { '/srv/north.yaml': lines.join('\n') });
  return 'faults' in result ? result.faults.map(faultText) : [];
}

describe('the overrides of a peer', () => {
  const WHOLE = [
    'version: 1',
    'authorities: { HOSP: https://north.example/mrn, 1.2.3: https://north.example/mrn }',
    'codes:',
    '  "0485": { EIL: S }',
    '  OBR-4: { CTK: { system: http://loinc.org, code: 30799-1, display: CT Head }, X: Y }',
    'segments:',
    '  ZPI-1: { to: note }',
    '  ZPI-2: { to: extension, url: https://north.example/contrast, type: boolean }',
    'rewrite:',
    '  - { set: PV1-2, value: O, when: { PV1-2: ["", AMB] } }',
    '  - { move: ZDX-1, to: OBR-18 }',
  ];
  const READ: MappingOverrides = {
    authorities: { HOSP: 'https://north.example/mrn', '1.2.3': 'https://north.example/mrn' },
    codes: { '0485': { EIL: 'S' }, 'OBR-4': { CTK: { system: 'http://loinc.org', code: '30799-1', display: 'CT Head' }, X: 'Y' } },
    segments: { 'ZPI-1': { to: 'note' }, 'ZPI-2': { to: 'extension', url: 'https://north.example/contrast', type: 'boolean' } },
    rewrite: [
      { set: 'PV1-2', value: 'O', when: { 'PV1-2': ['', 'AMB'] } },
      { move: 'ZDX-1', to: 'OBR-18' },
    ],
  };

  it('stand in a file of their own, or in the configuration', () => {
    expect(overrides('{ file: north.yaml }', { '/srv/north.yaml': WHOLE.join('\n') })).toEqual(READ);
    expect(overrides(`\n${WHOLE.map((line) => `      ${line}`).join('\n')}`)).toEqual(READ);
    expect(overrides('{ version: 1 }')).toEqual({ authorities: {}, codes: {}, segments: {}, rewrite: [] });
  });

  it('are told every fault at once, at its line of its file', () => {
    expect(
      faults([
        'version: 2',
        'authoritys: {}',
        'authorities: { HOSP: north }',
        'codes:',
        '  "0999": { A: B }',
        '  OBR-4: { A: 7 }',
        '  PID-3.5: { A: { system: http://loinc.org, code: X } }',
        'segments:',
        '  OBR-3: { to: note }',
        '  ZPI-2: { to: supportingInfo }',
        '  ZPI-3: { to: extension, url: https://north.example/x, type: Quantity }',
        'rewrite:',
        '  - { set: PV12, value: O }',
        '  - { set: PV1-2 }',
        '  - { copy: PID-3, move: PID-4, to: PID-2 }',
        '  - { set: MSH-9.2, value: O01 }',
        '  - { move: PID-3, to: PID-3 }',
        '  - { delete: PID-3, when: { PID: x } }',
      ]).map((fault) => fault.replace(/: 0001, .*0912/, ': …')),
    ).toEqual([
      'north.yaml:1:10 version: must be 1: the version of how overrides are written',
      "north.yaml:2:1 authoritys: is not a known key; did you mean 'authorities'?",
      'north.yaml:3:22 authorities.HOSP: must be a URI that begins with http://, https:// or urn:',
      'north.yaml:5:11 codes.0999: must be a place such as OBR-4, or a table in quotes: …',
      'north.yaml:6:15 codes.OBR-4.A: must be a code (in quotes where it is all digits) or { system, code, display }',
      'north.yaml:7:17 codes.PID-3.5.A: must be a code, in quotes where it is all digits: a coding has room in a whole field only',
      'north.yaml:9:10 segments.OBR-3: must be a field of a Z segment, such as ZPI-3 or ZPI-3.2',
      'north.yaml:10:16 segments.ZPI-2.to: must be note, identifier or extension',
      'north.yaml:11:63 segments.ZPI-3.type: must be string, code, boolean, integer, decimal, date or dateTime',
      'north.yaml:13:12 rewrite[0].set: must be a place in a message such as PID-3, OBR-27.6 or PID-3[2].4.1',
      'north.yaml:14:5 rewrite[1].value: is missing: must be text, in quotes where it looks like a number',
      'north.yaml:15:5 rewrite[2]: must have one of set, copy, move and delete',
      'north.yaml:16:12 rewrite[3].set: is what the message was taken by (MSH-1, 2, 9, 10, 12, 18), and stays',
      'north.yaml:17:24 rewrite[4].to: must move to another place',
      'north.yaml:18:35 rewrite[5].when.PID: must be a place in a message such as PID-3, OBR-27.6 or PID-3[2].4.1',
    ]);
  });

  it('are told of what is no YAML, and of a file that is not there', () => {
    expect(faults(['version: [1'])).toEqual([expect.stringMatching(/^north\.yaml:1:\d+ is not YAML/)]);
    const missing = load('{ file: south.yaml }');
    expect('faults' in missing && missing.faults.map(faultText)).toEqual([
      'waystation.yaml:4:14 peers[0].mapping: is to come from south.yaml, which cannot be read (ENOENT)',
    ]);
  });
});
