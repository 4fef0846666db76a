import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type {
  Bundle,
  BundleEntry,
  ImagingStudy,
  Media,
  Observation,
  Patient,
  QuestionnaireResponse,
  Resource,
  ServiceRequest,
  Task,
} from '@medplum/fhirtypes';
import { pushName } from '../../../../src/protocols/fhir/push.ts';
import { renameReferences } from '../../../../src/protocols/fhir/references.ts';
import { loadValidator } from '../../../../src/protocols/fhir/resource-validator.ts';
import { withoutLocation } from '../../../../src/protocols/media/location.ts';
import { composeFhirOrder, type FhirOrderInput } from '../../../../src/return/fhir/fhir-order.ts';
import { locatedJpeg } from '../../../support/located-photo.ts';
import { photo as picture } from '../../../support/photo.ts';

const ours = 'https://waystation.dev/fhir/NamingSystem/resource';
const patient: Patient = {
  resourceType: 'Patient',
  id: 'p',
  identifier: [{ system: 'urn:example:mrn', value: '4711' }],
  meta: { versionId: '3' },
};
const serviceRequest: ServiceRequest = {
  resourceType: 'ServiceRequest',
  id: 's',
  identifier: [{ system: 'urn:example:placer', value: 'PL-1' }],
  status: 'active',
  intent: 'order',
  subject: { reference: 'Patient/p/_history/3' },
  requester: { reference: 'Practitioner/unknown' },
};
const task: Task = {
  resourceType: 'Task',
  id: 't',
  status: 'accepted',
  identifier: [{ system: 'https://waystation.dev/fhir/NamingSystem/case', value: '0195' }],
  intent: 'order',
  businessStatus: { text: 'in-interpretation' },
  owner: { reference: 'Organization/o' },
  output: [{ type: { text: 'x' }, valueString: 'y' }],
  focus: { reference: 'ServiceRequest/s' },
};

describe('the push of a case', () => {
  it('holds valid R4 resources without our ids and versions', () => {
    const validate = loadValidator();
    const entries = entriesOf(composeFhirOrder(inputOf([study, photo(1), form, observation])));
    for (const { resource } of entries) expect(resource).not.toHaveProperty('id');
    const names = new Map(entries.map(({ fullUrl, resource }) => [fullUrl as string, `${resource?.resourceType}/x`]));
    const stored = entries.map(({ resource }) => renameReferences(resource as Resource, names));
    expect(stored.flatMap(validate)).toEqual([]);
  });

  it('creates each resource once: the patient by his number, a form by its own, the rest by ours', () => {
    const entries = entriesOf(composeFhirOrder(inputOf([study, photo(1), form, observation])));
    const criteria = entries.map(({ request }) => decodeURIComponent(request?.ifNoneExist ?? ''));
    expect(criteria).toEqual([
      'identifier=urn:example:mrn|4711',
      `identifier=${ours}|ImagingStudy/i`,
      `identifier=${ours}|Media/m1`,
      'identifier=urn:example:form|77',
      `identifier=${ours}|Observation/v`,
      `identifier=${ours}|ServiceRequest/s`,
      `identifier=${ours}|Task/t`,
    ]);
    const request = entries.at(-2)?.resource as ServiceRequest;
    expect(request.identifier).toEqual([...(serviceRequest.identifier ?? []), { system: ours, value: 'ServiceRequest/s' }]);
  });

  it('asks anew: the Task is requested, whoever worked on ours', () => {
    const sent = entriesOf(composeFhirOrder(inputOf([]))).at(-1)?.resource as Task;
    expect(sent).toMatchObject({ status: 'requested', focus: { reference: pushName('ServiceRequest/s') } });
    expect(sent.identifier).toEqual([{ system: ours, value: 'Task/t' }]);
    for (const gone of ['owner', 'output', 'businessStatus']) expect(sent).not.toHaveProperty(gone);
  });

  it('names by URL what is neither sent nor known by an identifier, and files too large to go along', () => {
    const [request, media] = [2, 1].map((at) => entriesOf(composeFhirOrder({ ...inputOf([photo(1)]), files: new Map() }))[at]?.resource);
    expect((request as ServiceRequest).requester).toEqual({
      reference: 'https://gateway.example/fhir/Practitioner/unknown',
      type: 'Practitioner',
    });
    expect((media as Media).content).toEqual({ contentType: 'image/jpeg', url: 'https://gateway.example/fhir/Binary/b1' });
  });

  it('tells nobody where a photo was taken, and says size and digest of what it sends', async () => {
    const taken = await locatedJpeg();
    const media: Media = { ...photo(1), content: { ...photo(1).content, size: taken.length, hash: 'cGhvdG8=' } };
    const sent = entriesOf(composeFhirOrder({ ...inputOf([media]), files: new Map([['Binary/b1', taken]]) }))[1]?.resource as Media;
    const bytes = Buffer.from(sent.content.data ?? '', 'base64');
    expect(bytes.equals(withoutLocation(taken) as Buffer)).toBe(true);
    expect(sent.content.size).toBe(bytes.length);
    expect(sent.content.hash).toBe(createHash('sha1').update(bytes).digest('base64'));
  });

  it('leaves a photo here that it does not understand, and sends other files as they are', () => {
    const sent = (content: Media['content'], file: Buffer) => {
      const push = composeFhirOrder({ ...inputOf([{ ...photo(1), content }]), files: new Map([['Binary/b1', file]]) });
      return (entriesOf(push)[1] as { resource: Media }).resource.content;
    };
    const broken = picture(4, 3, [0, 0, 0]).subarray(0, 50);
    expect(sent({ contentType: 'image/png', url: 'Binary/b1' }, broken)).not.toHaveProperty('data');
    expect(sent({ contentType: 'image/tiff', url: 'Binary/b1' }, Buffer.from('II*'))).not.toHaveProperty('data');
    expect(sent({ contentType: 'audio/wav', url: 'Binary/b1' }, Buffer.from('RIFF')).data).toBe(Buffer.from('RIFF').toString('base64'));
  });

  it('leaves out what a server could not find again', () => {
    const proof: Resource = { resourceType: 'Provenance', id: 'x', target: [], recorded: '2026-01-01T00:00:00Z', agent: [] };
    expect(entriesOf(composeFhirOrder(inputOf([proof]))).map(({ resource }) => resource?.resourceType)).toEqual([
      'Patient',
      'ServiceRequest',
      'Task',
    ]);
  });

  it('is split by number and by size, and the order that comes last names all that went ahead', () => {
    const many = composeFhirOrder(inputOf(Array.from({ length: 9 }, (_, n) => photo(n))));
    expect(many.map(typesOf)).toEqual([
      ['Patient', ...Array(7).fill('Media')],
      ['Media', 'Media'],
      ['ServiceRequest', 'Task'],
    ]);
    const request = many[2]?.entry?.[0]?.resource as ServiceRequest;
    expect(request.supportingInfo).toEqual(Array.from({ length: 9 }, (_, n) => ({ reference: pushName(`Media/m${n}`) })));
    const media = many[1]?.entry?.[0]?.resource as Media;
    expect(media.basedOn).toEqual([{ type: 'ServiceRequest', identifier: serviceRequest.identifier?.[0] }]);

    const large = {
      ...inputOf([photo(1), photo(2), photo(3)]),
      files: new Map([1, 2, 3].map((n) => [`Binary/b${n}`, largePicture])),
    };
    const split = composeFhirOrder(large);
    expect(split.map(typesOf)).toEqual([['Patient', 'Media'], ['Media'], ['Media'], ['ServiceRequest', 'Task']]);
  });
});

/** The chunk that makes it large has nothing to show. */
const largePicture = Buffer.concat([picture(4, 3, [0, 0, 0]).subarray(0, 33), ancillary(7_000_000), picture(4, 3, [0, 0, 0]).subarray(33)]);

/** PNG §5.3: pHYs, which stays. */
function ancillary(bytes: number): Buffer {
  const chunk = Buffer.alloc(12 + bytes);
  chunk.writeUInt32BE(bytes);
  chunk.write('pHYs', 4, 'latin1');
  return chunk;
}

const study: ImagingStudy = { resourceType: 'ImagingStudy', id: 'i', status: 'available', subject: { reference: 'Patient/p' } };
const form: QuestionnaireResponse = {
  resourceType: 'QuestionnaireResponse',
  id: 'q',
  status: 'completed',
  identifier: { system: 'urn:example:form', value: '77' },
  subject: { reference: 'Patient/p' },
};
const observation: Observation = {
  resourceType: 'Observation',
  id: 'v',
  status: 'final',
  code: { text: 'HbA1c' },
  subject: { reference: 'Patient/p' },
};

function photo(n: number): Media {
  return {
    resourceType: 'Media',
    id: `m${n}`,
    status: 'completed',
    basedOn: [{ reference: 'ServiceRequest/s' }],
    subject: { reference: 'Patient/p' },
    content: { contentType: 'image/jpeg', url: `Binary/b${n}` },
  };
}

function inputOf(material: Resource[]): FhirOrderInput {
  const files = new Map([['Binary/b1', picture(4, 3, [180, 120, 100])]]);
  const places = { base: 'https://gateway.example/fhir', dicomweb: 'https://gateway.example/dicomweb' };
  return { task, serviceRequest, patient, material, known: new Map(), files, ...places, controlId: '0195a1b2-0000-7000-8000-00000000d001' };
}

function entriesOf(push: readonly Bundle[]): BundleEntry[] {
  return push.flatMap(({ entry }) => entry ?? []);
}

function typesOf({ entry }: Bundle): (string | undefined)[] {
  return (entry ?? []).map(({ resource }) => resource?.resourceType);
}
