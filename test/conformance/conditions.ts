/**
 * The guide's conditions as fillings of a message that meet them. In: `IF OBX-2 EQUALS "SN" AND OBX-5.3 IN (":", "/")`. Out: what to put
 * where; null where the text says something that is not read here, and a row needs a filling by hand (fillings.ts).
 */

/** `own`: the field under test, whose specimen is a value. */
export function fillingFor(condition: string, own = ''): Map<string, string> | null {
  const filling = new Map<string, string>();
  for (const clause of clausesOf(condition)) {
    const read = readClause(clause, own);
    if (read === null) return null;
    for (const [place, text] of read) filling.set(place, text);
  }
  return filling;
}

function clausesOf(condition: string): string[] {
  const text = condition
    .replace(/\bIF\b/gi, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return text === '' ? [] : text.split(/ (?:AND|OR) /i).map((clause) => clause.replace(/^\(+/, '').trim());
}

function readClause(clause: string, own: string): [string, string][] | null {
  const match = /^([A-Z][A-Z0-9]{2})[-.](\d+(?:\.\d+)?)\s*(.*)$/.exec(clause.replace(/^PL3\./, 'PV1-3.3 ').replace(/VALUE$/, 'VALUED'));
  if (!match) return null;
  const [, segment, field, said = ''] = match;
  const place = `${segment}-${field}`;
  const test = said.replace(/^IS\b/i, '').trim();
  if (/^(?:NOT VALUED|EMPTY)$/i.test(test)) return [[place, '']];
  if (test === '' || /^VALUED/i.test(test)) return place === own ? [] : [[place, place.includes('.') ? 'OTHER' : OTHER]];
  if (/^NOT\b/i.test(test)) return [];
  const code = /^(?:EQUALS|=|IN)?\s*\(?\s*["'“]([^"'”]+)["'”]/i.exec(test)?.[1];
  return code === undefined ? null : [[place, code]];
}

/** A value beside the one under test: no specimen finds it. */
const OTHER = 'OTHER^Other^L';
