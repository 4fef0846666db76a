/**
 * A dataset in the Native DICOM Model (PS3.19 §A.1): XML of what the DICOM JSON Model says (PS3.18 Annex F), which holds the same.
 * In: the JSON of a dataset. Out: a document, in UTF-8 by content. Characters that XML has no place for are left out.
 */
import { keywordOf } from './dictionary.ts';

type Json = Readonly<Record<string, JsonElement>>;
type JsonElement = {
  readonly vr: string;
  readonly Value?: readonly unknown[];
  readonly InlineBinary?: string;
  readonly BulkDataURI?: string;
};

export function nativeModel(json: unknown): string {
  return `${HEAD}${attributesOf(json as Json)}</NativeDicomModel>\n`;
}

function attributesOf(json: Json): string {
  return Object.entries(json)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, element]) => attributeOf(name, element, json))
    .join('');
}

function attributeOf(name: string, element: JsonElement, json: Json): string {
  const tag = Number.parseInt(name, 16);
  const keyword = keywordOf(tag);
  const named = keyword === null ? '' : ` keyword="${keyword}"`;
  const creator = creatorOf(name, json);
  const by = creator === null ? '' : ` privateCreator="${escaped(creator)}"`;
  // PS3.19 Table A.1.5-2: where a block of private elements lies is of no account.
  const shown = creator === null ? name : `${name.slice(0, 4)}00${name.slice(6)}`;
  return `<DicomAttribute tag="${shown}" vr="${element.vr}"${named}${by}>${contentOf(element)}</DicomAttribute>\n`;
}

/** Who has reserved the block of a private element (PS3.5 §7.8.1); null for one that is in none. */
function creatorOf(name: string, json: Json): string | null {
  const isPrivate = Number.parseInt(name.slice(0, 4), 16) % 2 === 1 && name.slice(4, 6) !== '00';
  const creator = isPrivate ? json[`${name.slice(0, 4)}00${name.slice(4, 6)}`]?.Value?.[0] : undefined;
  return typeof creator === 'string' ? creator : null;
}

function contentOf({ vr, Value = [], InlineBinary, BulkDataURI }: JsonElement): string {
  if (BulkDataURI !== undefined) return `<BulkData uri="${escaped(BulkDataURI)}"/>`;
  if (InlineBinary !== undefined) return `<InlineBinary>${InlineBinary}</InlineBinary>`;
  return Value.map((value, index) => itemOf(vr, value, index + 1)).join('');
}

function itemOf(vr: string, value: unknown, number: number): string {
  if (vr === 'SQ') return `<Item number="${number}">${attributesOf((value ?? {}) as Json)}</Item>`;
  if (value === null) return vr === 'PN' ? '' : `<Value number="${number}"/>`;
  if (vr === 'PN') return `<PersonName number="${number}">${groupsOf(value as Readonly<Record<string, string>>)}</PersonName>`;
  return `<Value number="${number}">${escaped(String(value))}</Value>`;
}

function groupsOf(name: Readonly<Record<string, string>>): string {
  return NAME_GROUPS.flatMap((group) => {
    const text = name[group];
    if (!text) return [];
    const components = text.split('^').map((part, at) => (part === '' ? '' : tagged(NAME_COMPONENTS[at] ?? 'NameSuffix', escaped(part))));
    return [tagged(group, components.join(''))];
  }).join('');
}

function tagged(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

/** XML 1.0 §2.2 and §2.4. */
function escaped(text: string): string {
  const allowed = text.replace(/[^\t\n\r\x20-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '');
  return allowed.replace(/[&<>"\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}

const HEAD =
  '<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" xml:space="preserve">\n';
const NAME_GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;
const NAME_COMPONENTS = ['FamilyName', 'GivenName', 'MiddleName', 'NamePrefix', 'NameSuffix'] as const;
