/**
 * Narrative is XHTML without anything active (R4 §2.4.0.1, txt-1 and txt-2): it may be shown by a page one day.
 * In: the text of a `div`. Out: what is wrong with it, or ''. One pass, tag by tag: work grows with the length and not faster.
 */

/** Says what is not allowed in a narrative. */
export function narrativeFault(div: string): string {
  if (div.length > MAX_LENGTH) return 'a narrative has at most a million characters';
  if (!/^\s*<div[\s>]/.test(div)) return 'a narrative is one <div> (txt-2)';
  let at = 0;
  for (;;) {
    const open = div.indexOf('<', at);
    if (open < 0) return '';
    const end = div.startsWith('<!--', open) ? div.indexOf('-->', open + 4) + 2 : div.indexOf('>', open);
    if (end <= open) return UNFINISHED;
    const said = div.startsWith('<!--', open) ? '' : tagFault(div.slice(open + 1, end));
    if (said !== '') return said;
    at = end + 1;
  }
}

const MAX_LENGTH = 1024 * 1024;

function tagFault(tag: string): string {
  if (tag.includes('<')) return UNFINISHED;
  const name = /^\/?([A-Za-z][A-Za-z0-9]*)/.exec(tag)?.[1]?.toLowerCase();
  if (name === undefined || !ELEMENTS.has(name)) return 'a narrative holds an element that is not allowed (txt-1)';
  const lower = tag.toLowerCase();
  if (/\son[a-z]+\s*=/.test(lower)) return 'a narrative holds an event attribute (txt-1)';
  if (ACTIVE_SCHEME.test(lower.replaceAll(/\s/g, ''))) return 'a narrative holds an active link (txt-1)';
  return '';
}

const UNFINISHED = 'a narrative has an unfinished tag';
const ACTIVE_SCHEME = /(?:href|src|cite|longdesc)=["']?(?:javascript|vbscript|data):/;

/** HTML 4.0 chapters 7–11 (except 4 and 15), `a`, `img` and what the narrative's own rule adds. */
const ELEMENTS: ReadonlySet<string> = new Set(
  (
    'a abbr acronym address b bdo big blockquote br caption center cite code col colgroup dd del dfn dir div dl dt em font h1 h2 h3 h4 h5 h6 hr ' +
    'i img ins kbd li map area ol p pre q s samp small span strike strong style sub sup table tbody td tfoot th thead tr tt u ul var'
  ).split(' '),
);
