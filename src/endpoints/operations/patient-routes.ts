/** Patients for operators: the records behind a number, and a merge that was an error. Looking is audited, undoing is journaled. */
import type { Identifier, Patient } from '@medplum/fhirtypes';
import express, { type Router } from 'express';
import { failure } from '../../model/failure.ts';
import { mergedUnder, mergesOf, readMerge } from '../../store/merge-store.ts';
import { readResources } from '../../store/resource-store.ts';
import { findByTokens } from '../../store/search-store.ts';
import type { Accepted, Page, PatientLine } from './contract.ts';
import type { OperationsDeps } from './deps.ts';
import { operationEntry } from './operation-entry.ts';
import { handled, isUuid, type Operator, textOf } from './reply.ts';

export function patientRoutes(deps: OperationsDeps): Router {
  const router = express.Router();
  router.get(
    '/:patient',
    handled(200, (operator) => show(deps, operator)),
  );
  router.post(
    '/:patient/unmerge',
    handled(202, (operator) => unmerge(deps, operator)),
  );
  return router;
}

async function show(deps: OperationsDeps, { caller, request }: Operator): Promise<Page<PatientLine> | undefined> {
  const named = String(request.params.patient);
  const ids = isUuid(named) ? [named] : await idsUnder(deps, named);
  const found = await readResources(
    deps.database,
    ids.map((id) => `Patient/${id}`),
  );
  if (found.size === 0) return undefined;
  const rows: PatientLine[] = [];
  for (const [reference, { id, resource }] of found) {
    await deps.audit.record({ at: deps.clock.now(), client: caller.client, action: 'read', target: reference, result: '200' });
    rows.push(lineOf(reference, resource as Patient, await mergesOf(deps.database, id)));
  }
  return { rows, next: null };
}

/** Records that have a number, and those that had it before they were merged. */
async function idsUnder({ database }: OperationsDeps, number: string): Promise<string[]> {
  const known = await findByTokens(database, 'Patient', [`Patient.identifier=${number}`], null, MAX_NAMESAKES);
  return [...new Set([...known.map(({ id }) => id), ...(await mergedUnder(database, number, MAX_NAMESAKES))])];
}

function lineOf(patient: string, { identifier = [], link = [] }: Patient, merges: Awaited<ReturnType<typeof mergesOf>>): PatientLine {
  return {
    patient,
    replacedBy: link.find(({ type }) => type === 'replaced-by')?.other.reference ?? '',
    numbers: identifier.map(({ system = '', value = '', use }: Identifier) => ({ system, value, old: use === 'old' })),
    merges: merges.map(({ merged, survivor, at, seq, undone }) => ({
      merged: `Patient/${merged}`,
      survivor: `Patient/${survivor}`,
      at: at.toISOString(),
      seq,
      undone: undone?.toISOString() ?? null,
    })),
  };
}

async function unmerge(deps: OperationsDeps, { caller, request }: Operator) {
  const why = textOf(request.body, 'why');
  if (why === '') return failure('operations', 'invalid', 'undoing a merge says why');
  const patient = String(request.params.patient).replace(/^Patient\//, '');
  if (!isUuid(patient))
    return failure('operations', 'invalid', 'name the record that was merged by its id: several may have had its number');
  const merge = await readMerge(deps.database, patient);
  if (!merge) return undefined;
  if (merge.undone) return failure('operations', 'conflict', `the merge of Patient/${patient} was undone at ${merge.undone.toISOString()}`);
  const entry = operationEntry('patient.unmerge', caller.client, `patient ${patient}`, { patient, why }, deps.clock.now());
  return { seq: (await deps.journal.append(entry)).seq } satisfies Accepted;
}

const MAX_NAMESAKES = 20;
