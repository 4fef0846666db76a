/**
 * OG, observation grouper, and the plain ST before v2.8.2, to the extension that tells observations of one code apart (HL7 v2.9 §2.A.47;
 * guide: OG[Extension-Subidentifier]). How the parts of a group depend on each other is said by implementation guides, not by OBX-4.
 */
import type { Extension } from '@medplum/fhirtypes';
import { each, pathOf } from './datatype.ts';

export const OG_SUBIDENTIFIER = each((at, source): Extension[] | undefined => {
  const decimal = (component: number): number | undefined => {
    const text = at(component);
    if (text === '') return undefined;
    if (/^\d{1,9}(?:\.\d{1,9})?$/.test(text) && String(Number(text)) === text) return Number(text);
    source.draft.gap(`${pathOf(source)}.${component}`, 'is no number', text);
    return undefined;
  };
  const [group, sequence] = [decimal(2), decimal(3)];
  const parts: Extension[] = [
    ...(at(1) === '' ? [] : [{ url: 'original-sub-identifier', valueString: at(1) }]),
    ...(group === undefined ? [] : [{ url: 'group', valueDecimal: group }]),
    ...(sequence === undefined ? [] : [{ url: 'sequence', valueDecimal: sequence }]),
    ...(at(4) === '' ? [] : [{ url: 'identifier', valueString: at(4) }]),
  ];
  return parts.length > 0 ? parts : undefined;
});
