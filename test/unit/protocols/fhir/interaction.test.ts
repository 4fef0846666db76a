import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import { type Asked, interactionOf } from '../../../../src/protocols/fhir/interaction.ts';
import { sizeOf } from '../../../../src/protocols/fhir/json-text.ts';
import { answerFailure } from '../../../../src/protocols/fhir/operation-outcome.ts';

const body = { resourceType: 'Patient', id: '1' };
const ask = (asked: Partial<Asked>) =>
  interactionOf({ method: 'POST', url: 'Patient', ifMatch: undefined, ifNoneExist: undefined, body, fullUrl: '', ...asked });

function statusOf(asked: Partial<Asked>): number {
  const interaction = ask(asked);
  return isFailure(interaction) ? answerFailure(interaction).status : 200;
}

describe('an interaction', () => {
  it('is read from method, URL, headers and body', () => {
    expect(ask({ ifNoneExist: 'a=b', fullUrl: 'urn:x' })).toMatchObject({
      kind: 'create',
      type: 'Patient',
      ifNoneExist: 'a=b',
      fullUrl: 'urn:x',
    });
    expect(ask({ method: 'PUT', url: 'Patient/1', ifMatch: 'W/"3"' })).toMatchObject({ kind: 'update', id: '1', criteria: '', ifMatch: 3 });
    expect(ask({ method: 'PUT', url: '/Patient?identifier=a', ifMatch: '"3"' })).toMatchObject({
      kind: 'update',
      id: '',
      criteria: 'identifier=a',
      ifMatch: 3,
    });
    expect(ask({ method: 'DELETE', url: 'Patient/1', body: undefined })).toEqual({
      kind: 'delete',
      type: 'Patient',
      id: '1',
      ifMatch: null,
    });
    expect(ask({ method: 'GET', url: 'Patient?x=1' })).toEqual({ kind: 'get', url: 'Patient?x=1' });
  });

  it('reads a patch from an array, and inside of a Bundle from a Binary', () => {
    const operations = [{ op: 'replace', path: '/active', value: true }];
    const binary = {
      resourceType: 'Binary',
      contentType: 'application/json-patch+json',
      data: Buffer.from(JSON.stringify(operations)).toString('base64'),
    };
    for (const patch of [operations, binary])
      expect(ask({ method: 'PATCH', url: 'Patient/1', body: patch })).toMatchObject({ kind: 'patch', operations });
  });

  it.each([
    [{ url: 'Patient/1' }, 405],
    [{ url: 'Medication' }, 404],
    [{ url: '__proto__' }, 404],
    [{ url: 'Observation' }, 400],
    [{ body: null }, 400],
    [{ method: 'PUT', url: 'Patient/2' }, 400],
    [{ method: 'PUT', url: 'Patient' }, 405],
    [{ method: 'PUT', url: 'Patient/1?x=1' }, 405],
    [{ method: 'PUT', url: 'Patient/1', ifMatch: '*' }, 400],
    [{ method: 'PUT', url: 'Patient/1', ifMatch: 'W/"1", W/"2"' }, 400],
    [{ method: 'DELETE', url: 'Patient?name=x' }, 405],
    [{ method: 'DELETE', url: 'Patient/1/_history/1' }, 405],
    [{ method: 'PATCH', url: 'Patient/1' }, 400],
    [{ method: 'PATCH', url: 'Patient/1', body: [{ op: 'move', from: '/a', path: '/b' }] }, 400],
    [{ method: 'TRACE', url: 'Patient/1' }, 405],
  ])('%j is refused with %d', (asked, status) => expect(statusOf(asked as Partial<Asked>)).toBe(status));
});

describe('the size of a JSON text', () => {
  it.each([
    ['{"a":"[[[[{{{{,,,\\"[[\\\\"}', { depth: 1, values: 2 }],
    ['[[1,2],{"a":[3]}]', { depth: 3, values: 7 }],
    ['"text"', { depth: 0, values: 1 }],
  ])('%s is counted outside of strings', (text, size) => expect(sizeOf(Buffer.from(text))).toEqual(size));
});
