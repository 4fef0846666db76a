/**
 * Plain values: ST and its like to string, ID of HL7 Table 0136 to boolean, SI and NM to numbers (guide: ID[boolean], ST[string], NM[…]).
 * In: a repetition. Out: the value; what does not read as its type is listed.
 */
import { type Datatype, each, pathOf } from './datatype.ts';

export const ST_STRING: Datatype<string> = each((at) => at(1) || undefined);

/** HL7 Table 0136, yes or no. */
export const ID_BOOLEAN: Datatype<boolean> = each((at, source) => {
  const code = at(1).toUpperCase();
  if (code === '') return undefined;
  if (code !== 'Y' && code !== 'N') source.draft.unmapped(pathOf(source), 'HL7 Table 0136', at(1));
  return code === 'Y' ? true : code === 'N' ? false : undefined;
});

/** A positive whole number. */
export const NM_POSITIVEINT: Datatype<number> = each((at, source) => {
  const text = at(1);
  if (text === '') return undefined;
  if (/^\+?0*[1-9]\d{0,8}$/.test(text)) return Number(text);
  source.draft.gap(pathOf(source), 'is no positive whole number', text);
  return undefined;
});
