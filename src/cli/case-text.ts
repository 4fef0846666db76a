/** A case for a person: what it is, what is waited for, and its timeline. In: the view. Out: lines. */
import type { CaseView, TimelineLine } from '../endpoints/operations/contract.ts';
import { columns, moment } from './terminal.ts';

export function caseText(view: CaseView): string {
  const { id, phase, specialty, priority, production } = view;
  return [
    `case ${id}: ${phase} (${specialty}, ${priority}${production ? '' : ', test'})`,
    '',
    columns(facts(view), '  '),
    '',
    timelineText(view),
    '',
    waits(view.waitingFor),
  ].join('\n');
}

/** The timeline alone. */
export function timelineText(view: CaseView): string {
  return columns(gathered(view.timeline).map(hop), '  ');
}

function facts(view: CaseView): string[][] {
  const { origin, task, serviceRequest, patient, keys, studies, members, route, objects, commitments, claim, report, released } = view;
  return [
    ['asked by', origin],
    ['order', [serviceRequest, task].filter((reference) => reference !== '').join(', ')],
    ['patient', patient],
    ['keys', keys.map(({ kind, value }) => `${kind} ${value}`).join(', ')],
    [
      'images',
      studies.map((study) => `${study.modalities.join(' ')} ${study.series} series, ${study.instances} instances, ${study.uid}`).join('; '),
    ],
    ['material', members.join(', ')],
    ['released', released ? `by ${released.by}: ${released.why}` : ''],
    ['route', route ? `${route.destination} (${route.kind}${route.group ? `, group ${route.group}` : ''}): ${route.why}` : ''],
    ['sent', objects ? `${objects.destination} took ${objects.taken} of ${objects.ordered} objects` : ''],
    ['committed', commitments.map(({ destination, asked, committed }) => `${destination}: ${committed} of ${asked} objects`).join('; ')],
    ['claimed', claim ? `by ${claim.by} at ${moment(claim.at)}` : ''],
    [
      'report',
      report ? `${report.withdrawn ? 'withdrawn by ' : ''}${report.reference} version ${report.version}, signed: ${report.provenance}` : '',
    ],
  ].filter(([, value]) => value !== '');
}

/** A study arrives in many steps, and a receiver may be away for days: of like lines that follow each other only the last is shown. */
function gathered(timeline: readonly TimelineLine[]): TimelineLine[] {
  const goesOn = (line: TimelineLine, next: TimelineLine | undefined) =>
    REPEATED.has(line.kind) && next?.kind === line.kind && next.actor === line.actor;
  return timeline.filter((line, index) => !goesOn(line, timeline[index + 1]));
}

function hop({ at, kind, actor, detail, seq, message }: TimelineLine): string[] {
  const cause = [detail.includes(message) ? '' : message, seq === null ? '' : `#${seq}`].filter((text) => text !== '').join(' ');
  return [moment(at), kind, actor, cause === '' ? detail : `${detail} (${cause})`];
}

/** Lines of these kinds tell how much there was in all. */
const REPEATED: ReadonlySet<string> = new Set(['images-received', 'not delivered']);

function waits(waitingFor: readonly string[]): string {
  return waitingFor.length === 0 ? 'nothing is waited for' : ['waits for', ...waitingFor.map((what) => `  ${what}`)].join('\n');
}
