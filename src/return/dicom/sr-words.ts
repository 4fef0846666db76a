/**
 * What a report says, as content items of a structured report (PS3.16): its results, its conclusion and codes, the images it names, who
 * observes. In: the report. Out: content items for whichever document has room for them.
 * Promises: what was signed is in it. A name without a code stands with its value as text; a number with a comparator, which NUM cannot
 * say, as well; so does every number where the document has no NUM.
 */
import type { CodeableConcept, DiagnosticReport, Observation, ObservationComponent } from '@medplum/fhirtypes';
import {
  type Coded,
  type ContentItem,
  code,
  container,
  dcm,
  image,
  number,
  person,
  type Relationship,
  shortened,
  text,
} from '../../protocols/dicom/sr-content.ts';
import { conceptText, valueText } from '../../protocols/fhir/observation-text.ts';
import { codedOf, unitOf } from './dicom-code.ts';
import type { DicomReport } from './dicom-document.ts';

/** The results that are signed with the report. */
export function resultsOf({ contained }: DiagnosticReport): Observation[] {
  return (contained ?? []).filter((one): one is Observation => one.resourceType === 'Observation');
}

/** Whether a NUM can say a value of it. */
export function isMeasured(result: Observation): boolean {
  return measurementsOf(result).length > 0;
}

export type Measurement = { readonly name: Coded; readonly value: number; readonly unit: Coded };

/** Its value and those of its components that a NUM can say. */
export function measurementsOf(result: Observation): Measurement[] {
  return [result, ...(result.component ?? [])].flatMap((part) => {
    const name = codedOf(part.code);
    const { value, comparator } = part.valueQuantity ?? {};
    if (!name || value === undefined || comparator !== undefined || !Number.isFinite(value)) return [];
    return [{ name, value, unit: unitOf(part.valueQuantity ?? {}) }];
  });
}

/** One result in the place where a reader finds it: numbers as NUM where `numeric`, else as text. */
export function resultItems(result: Observation, numeric: boolean): ContentItem[] {
  const measured = numeric ? measurementsOf(result) : [];
  const parts = [result, ...(result.component ?? [])].filter((part) => (part === result ? hasOwnValue(result) : true));
  const items = parts.map((part) => {
    const name = codedOf(part.code);
    const found = part.valueQuantity && measured.find((one) => one.name.code === name?.code && one.value === part.valueQuantity?.value);
    if (found) return number('CONTAINS', found.name, found.value, found.unit);
    return named(part.code, codedOf(part.valueCodeableConcept), ownText(part));
  });
  return [...items, ...(result.note ?? []).flatMap(({ text: words }) => (words ? [text('CONTAINS', COMMENT, words)] : []))];
}

/** Conclusion, then its codes. */
export function conclusionItems({ conclusion, conclusionCode }: DiagnosticReport): ContentItem[] {
  const words = conclusion?.trim() ? [text('CONTAINS', CONCLUSION, conclusion)] : [];
  const codes = (conclusionCode ?? []).map((concept) => {
    const coded = codedOf(concept);
    return coded ? code('CONTAINS', CONCLUSION, coded) : text('CONTAINS', CONCLUSION, conceptText(concept));
  });
  return [...words, ...codes];
}

export function keyImageItems({ keyImages }: DicomReport, name: Coded | null): ContentItem[] {
  return keyImages.map((one) => image('CONTAINS', name, one, one.frames));
}

/** A heading (PS3.16 CID 7001) with what is below it; none where nothing is. */
export function headed(heading: Coded, items: readonly ContentItem[]): ContentItem[] {
  return items.length === 0 ? [] : [container('CONTAINS', heading, items)];
}

/** TID 1204 and TID 1002: in which language, and who says so. BCP 47 has `und` for a language that nobody named. */
export function languageItem({ language }: DiagnosticReport): ContentItem {
  const tag = language ?? 'und';
  return code('HAS CONCEPT MOD', LANGUAGE, { code: tag, scheme: 'RFC5646', meaning: tag === 'und' ? 'Undetermined' : tag });
}

export function observerItems({ signer, organization }: DicomReport): ContentItem[] {
  return [
    code('HAS OBS CONTEXT', OBSERVER_TYPE, PERSON),
    person('HAS OBS CONTEXT', OBSERVER_NAME, shortened(signer.name)),
    text('HAS OBS CONTEXT', OBSERVER_ORGANIZATION, organization),
  ];
}

export function procedureItem({ order }: DicomReport, relationship: Relationship): ContentItem {
  return code(relationship, PROCEDURE_REPORTED, codedOf(order.procedure) ?? IMAGING_PROCEDURE);
}

function named(concept: CodeableConcept | undefined, value: Coded | null, words: string): ContentItem {
  const name = codedOf(concept);
  if (!name) return text('CONTAINS', FINDING, [conceptText(concept), words].filter((part) => part !== '').join(': '));
  return value ? code('CONTAINS', name, value) : text('CONTAINS', name, words || '-');
}

function hasOwnValue(result: Observation): boolean {
  return !result.component?.length || ownText(result) !== '';
}

/** The value of the part alone. */
function ownText(part: Observation | ObservationComponent): string {
  const { component: _component, ...own } = part as Observation;
  return valueText(own as Observation);
}

const CONCLUSION = dcm('121077', 'Conclusion');
const FINDING = dcm('121071', 'Finding');
const COMMENT = dcm('121106', 'Comment');
const LANGUAGE = dcm('121049', 'Language of Content Item and Descendants');
const OBSERVER_TYPE = dcm('121005', 'Observer Type');
const PERSON = dcm('121006', 'Person');
const OBSERVER_NAME = dcm('121008', 'Person Observer Name');
const OBSERVER_ORGANIZATION = dcm('121009', "Person Observer's Organization Name");
const PROCEDURE_REPORTED = dcm('121058', 'Procedure reported');
const IMAGING_PROCEDURE: Coded = { code: '363679005', scheme: 'SCT', meaning: 'Imaging procedure' };
