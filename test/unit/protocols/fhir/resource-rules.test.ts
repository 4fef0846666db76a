import { describe, expect, it } from '@jest/globals';
import { narrativeFault } from '../../../../src/protocols/fhir/narrative-rules.ts';
import { ruleFaults } from '../../../../src/protocols/fhir/resource-rules.ts';

const patient = (more: object) => ({ resourceType: 'Patient', ...more });

describe('the rules of the JSON form', () => {
  it.each([
    [{}, []],
    [{ id: 'a-1.B', active: false, name: [{ family: 'tab\tand\nline' }] }, []],
    [{ id: '' }, ['Patient.id', 'Patient.id']],
    [{ id: 'x'.repeat(65) }, ['Patient.id']],
    [{ contained: [{ resourceType: 'Organization', id: 'a b' }] }, ['Patient.contained[0].id']],
    [{ name: [] }, ['Patient.name']],
    [{ name: [{}] }, ['Patient.name[0]']],
    [{ name: [{ family: '' }] }, ['Patient.name[0].family']],
    [{ name: [{ family: 'nul\u0000' }] }, ['Patient.name[0].family']],
    [{ name: [{ family: 'half \ud83d' }] }, ['Patient.name[0].family']],
    [{ toString: 'x' }, ['Patient']],
    [JSON.parse('{"__proto__":{"active":true}}'), ['Patient']],
    [{ period: { start: '2026-02-02', end: '2026-02-01' } }, ['Patient.period']],
    [{ period: { start: '2026-02-02', end: '2026-02' } }, []],
    [{ photo: [{ data: 'QUJD', size: 3, hash: 'PAG7QpY4i1b1Zhz5UMoWBEtcdTs=' }] }, ['Patient.photo[0].hash']],
    [{ photo: [{ data: 'QUJD', size: 3, hash: 'PAG9uybzWLqyfyZ5JKosmgP8/bg=' }] }, []],
    [{ photo: [{ data: 'QUJD', size: 4 }] }, ['Patient.photo[0].size']],
  ])('%j has its faults at %j', (more, paths) => {
    expect(ruleFaults(patient(more)).map(({ path }) => path)).toEqual(paths);
  });

  it('are told twenty at most', () => {
    expect(ruleFaults(patient({ name: Array.from({ length: 1_000 }, () => ({})) }))).toHaveLength(20);
  });
});

describe('a narrative', () => {
  const div = (inside: string) => `<div xmlns="http://www.w3.org/1999/xhtml">${inside}</div>`;

  it.each([
    '<p>One <b class="x">two</b><br/>three &amp; four</p>',
    '<!-- <script> is only said here --><table><tr><td>1</td></tr></table>',
    '<a href="https://example.org">a link</a><img src="#photo" alt="x"/>',
  ])('may say %s', (inside) => expect(narrativeFault(div(inside))).toBe(''));

  it.each([
    '<script>alert(1)</script>',
    '<p onclick="x()">',
    '<p\nonload = "x()">',
    '<a href="javascript:x()">',
    '<a href=" java\nscript:x()">',
    '<img src="data:text/html,x">',
    '<iframe/>',
    '<svg/onload=x>',
    '<p',
    '<!-- never ends',
    '<?php ?>',
  ])('may not say %s', (inside) => expect(narrativeFault(div(inside))).not.toBe(''));

  it('is one div', () => expect(narrativeFault('<p>text</p>')).not.toBe(''));

  it('of a megabyte of opened tags is refused in one pass', () => {
    expect(narrativeFault(`<div>${'<a'.repeat(500_000)}`)).toBe('a narrative has an unfinished tag');
  });
});
