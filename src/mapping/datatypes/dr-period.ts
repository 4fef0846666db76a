/** DR to Period (HL7 v2.5.1 §2.A.20; guide: DR[Period]). What is no time, or ends before it starts, is listed. */
import type { Period } from '@medplum/fhirtypes';
import { type Datatype, each, pathOf } from './datatype.ts';
import { dateTimeOf, periodOf } from './ts-datetime.ts';

export const DR_PERIOD: Datatype<Period> = each((at, source) => {
  const { zone } = source.draft;
  const [start, end] = [at(1), at(2)];
  if (start === '' && end === '') return undefined;
  const period = periodOf(start, end, zone);
  const isRead = period !== undefined && [start, end].every((text) => text === '' || dateTimeOf(text, zone) !== null);
  if (!isRead) source.draft.gap(pathOf(source), 'is no period', `${start} ${end}`.trim());
  return period;
});
