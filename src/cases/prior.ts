/**
 * Which priors a case asks for. In: the case, the rule of its specialty, the authority whose patient numbers the PACS has, the time.
 * Out: the order, once the case has its patient and (where the rule says so) something says its modality; null before, or where it needs none.
 */
import type { CasePhase, CaseState } from '../model/case.ts';
import type { PriorRule } from '../model/config.ts';
import type { PriorOrder } from '../model/prior.ts';

/** An authority as it calls itself, and its system in our identifiers. */
export type PriorAuthority = { readonly name: string; readonly system: string };

export function priorOrder(state: CaseState, rule: PriorRule, authority: PriorAuthority, now: Date): PriorOrder | null {
  // A case that is pushed is read on a server to which its images do not go.
  if (state.priors || state.serviceRequest === '' || !ASKING.has(state.phase) || state.route?.kind !== 'pull') return null;
  const numbers = state.patientKeys.filter(({ system, value }) => system === authority.system && value !== '').map(({ value }) => value);
  const modalities = rule.sameModality ? modalitiesOf(state) : [];
  const [id, ...others] = [...new Set(numbers)];
  if (id === undefined || others.length > 0 || (rule.sameModality && modalities.length === 0)) return null;
  const patient = { id, authority: authority.name };
  return { caseId: state.id, from: rule.from, patient, modalities, since: dayBefore(now, rule.years), most: rule.most };
}

/** What the images are, or are to be. */
function modalitiesOf({ hints, studies }: CaseState): string[] {
  const said = hints.filter((hint) => hint.startsWith('modality:')).map((hint) => hint.slice('modality:'.length));
  const made = studies.flatMap(({ modalities }) => modalities);
  return [...new Set([...said, ...made])].filter((modality) => modality !== '' && !NOT_IMAGES.has(modality)).sort();
}

function dayBefore(now: Date, years: number): string {
  const day = new Date(now);
  day.setUTCFullYear(day.getUTCFullYear() - years);
  return day.toISOString().slice(0, 10).replaceAll('-', '');
}

/** Whether a whole case still waits for its priors. */
export function waitsForPriors({ priors }: Pick<CaseState, 'priors'>, nowMs: number): boolean {
  return priors !== undefined && !priors.done && nowMs < priors.until;
}

const ASKING: ReadonlySet<CasePhase> = new Set(['assembling', 'requested', 'claimed']);
/** In a study of any kind (PS3.3 §C.7.3.1.1.1). */
const NOT_IMAGES: ReadonlySet<string> = new Set(['SR', 'KO', 'PR', 'DOC', 'OT']);
