/**
 * One N-GET at the DIMSE door (PS3.7 §10.1.2): a performed procedure step as it stands (Modality Performed Procedure Step Retrieve, PS3.4 §F.8).
 * Out: the attributes that are asked for. Promises: only who made the step, whose worklist it is of, or whose group may see the study is
 * answered; to everybody else there is no such step; what was asked leaves a line in the audit trail.
 */
import type { Clock } from '../../model/clock.ts';
import type { Log } from '../../model/log.ts';
import type { Peer } from '../../model/peer.ts';
import type { DicomJson } from '../../protocols/dicom/header.ts';
import { writeIdentifier } from '../../protocols/dicom/identifier.ts';
import { requestedOfStep, stepFacts } from '../../protocols/dicom/performed-procedure.ts';
import {
  NO_SUCH_INSTANCE,
  OPTIONAL_ATTRIBUTES_UNSUPPORTED,
  RESOURCE_LIMITATION,
  SUCCESS,
  statusName,
} from '../../protocols/dicom/status.ts';
import { EXPLICIT_LITTLE_ENDIAN } from '../../protocols/dicom/transfer-syntax.ts';
import type { AuditTrail } from '../../store/audit-store.ts';
import { readStep, type StoredStep } from '../../store/closing-store.ts';
import type { Database } from '../../store/database.ts';
import { reasonOf } from '../../store/database-failure.ts';
import { maySeeStudy } from '../dicomweb/study-visibility-session.ts';
import type { Answer, Operation, Request } from './operation.ts';

export type StepQueryDeps = { readonly database: Database; readonly audit: AuditTrail; readonly log: Log; readonly clock: Clock };

export function stepQuerySession(request: Request, deps: StepQueryDeps): Operation {
  return { write: async () => {}, end: () => answer(request, deps), abandon: async () => {} };
}

async function answer({ command, context, peer }: Request, { database, audit, log, clock }: StepQueryDeps): Promise<Answer> {
  const { sopInstanceUid, attributes } = command;
  try {
    const step = await readStep(database, sopInstanceUid);
    const json = step && (JSON.parse(step.content.toString('utf8')) as DicomJson);
    const said = step && json && (await mayRead(database, peer, step, json)) ? requestedOfStep(json, attributes) : null;
    const status = said === null ? NO_SUCH_INSTANCE : said.isWhole ? SUCCESS : OPTIONAL_ATTRIBUTES_UNSUPPORTED;
    await audit.record({ at: clock.now(), client: peer.name, action: 'N-GET', target: sopInstanceUid, result: statusName(status) });
    if (said === null || Object.keys(said.json).length === 0) return status;
    return { status, dataset: writeIdentifier(said.json, context.transferSyntax === EXPLICIT_LITTLE_ENDIAN) };
  } catch (error) {
    log.warn('dimse.step-not-read', { peer: peer.name, reason: reasonOf(error) });
    return RESOURCE_LIMITATION;
  }
}

async function mayRead(database: Database, { name, worklist, query }: Peer, step: StoredStep, json: DicomJson): Promise<boolean> {
  if (name === step.peer || worklist?.of.includes(step.peer)) return true;
  const { studies } = stepFacts(json);
  if (!query || studies.length === 0) return false;
  const caller = { client: name, group: query.group, role: 'reader' } as const;
  const seen = await Promise.all(studies.map((study) => maySeeStudy(database, caller, study)));
  return seen.every((may) => may);
}
