/**
 * Who is who among what was sent de-identified: by destination the UIDs, patient identifiers and dates that stand for others, and the secret
 * they are made with. The secret is made once, at first use, and never changes: objects that are sent later must fit those sent before.
 * It is beside the map, not a file of the data directory: several gateways on one database must make the same pseudonyms, and a database that is
 * restored elsewhere must go on with them; who can read the map learns nothing by the secret of what was sent, and without the map it tells
 * nothing that it does not guess. Who may read this database is what protects both.
 */
import { randomBytes } from 'node:crypto';
import type { Queryable } from './database.ts';
import { arrayLiteral } from './packed.ts';

export type Pseudonyms = {
  readonly destination: string;
  /** By the UID that was sent. */
  readonly uids: ReadonlyMap<string, string>;
  /** By the date that was sent, in objects of this study. */
  readonly dates: ReadonlyMap<string, string>;
  readonly studyUid: string;
  readonly patient: { readonly pseudonym: string; readonly patientId: string; readonly issuer: string };
};

export async function pseudonymSecret(q: Queryable): Promise<Buffer> {
  await q.query(`insert into pseudonym_secret (secret) values ($1) on conflict do nothing`, [randomBytes(32)]);
  const { rows } = await q.query<{ secret: Buffer }>(`select secret from pseudonym_secret`);
  return (rows[0] as { secret: Buffer }).secret;
}

/** Before an object is sent: what it stands for can be told when it comes back. Rows are written in the order of their key. */
export async function savePseudonyms(q: Queryable, { destination, uids, dates, studyUid, patient }: Pseudonyms): Promise<void> {
  const pairs = inOrder(uids);
  await q.query({
    name: 'pseudonym-uids',
    text: `insert into pseudonym_uid (destination, pseudonym, original)
           select $1, * from unnest($2::text[], $3::text[]) on conflict do nothing`,
    values: [destination, arrayLiteral(pairs.map(([sent]) => sent)), arrayLiteral(pairs.map(([, original]) => original))],
  });
  await q.query({
    name: 'pseudonym-patient',
    text: `insert into pseudonym_patient (destination, pseudonym, patient_id, issuer, study_uid) values ($1, $2, $3, $4, $5) on conflict do nothing`,
    values: [destination, patient.pseudonym, patient.patientId, patient.issuer, studyUid],
  });
  if (dates.size === 0) return;
  const shifted = inOrder(dates);
  await q.query({
    name: 'pseudonym-dates',
    text: `insert into pseudonym_date (destination, study_uid, pseudonym, original)
           select $1, $2, * from unnest($3::text[], $4::text[]) on conflict do nothing`,
    values: [destination, studyUid, arrayLiteral(shifted.map(([sent]) => sent)), arrayLiteral(shifted.map(([, original]) => original))],
  });
}

function inOrder(pairs: ReadonlyMap<string, string>): [string, string][] {
  return [...pairs].sort(([one], [other]) => (one < other ? -1 : 1));
}

/** What an object that came back is known by: its study, its patient, or both. */
export type Standing = {
  readonly destination: string;
  /** The UID that was sent in place of this one, or null. */
  readonly studyUid: string | null;
  /** Null where the identifier stands for nobody. `studyUid`: a study of the patient that was sent there; '' where none is known any more. */
  readonly patient: { readonly patientId: string; readonly issuer: string; readonly studyUid: string } | null;
};

/**
 * By the first of these destinations that knows the study, else by the first that knows the patient; null where none does. Where that one
 * does not know the patient another may: the study may be another patient's.
 */
export async function findStanding(
  q: Queryable,
  destinations: readonly string[],
  studyUid: string,
  patientId: string,
): Promise<Standing | null> {
  const { rows: studies } = await q.query<{ destination: string; original: string }>({
    name: 'pseudonym-study',
    text: `select destination, original from pseudonym_uid where destination = any($1::text[]) and pseudonym = $2 order by destination`,
    values: [destinations, studyUid],
  });
  const { rows: patients } = await q.query<{ destination: string; patient_id: string; issuer: string; study_uid: string }>({
    name: 'pseudonym-known-patient',
    text: `select destination, patient_id, issuer, study_uid from pseudonym_patient where destination = any($1::text[]) and pseudonym = $2
           order by destination`,
    values: [destinations, patientId],
  });
  const destination = (studies[0] ?? patients[0])?.destination;
  if (destination === undefined) return null;
  const known = patients.find((one) => one.destination === destination) ?? patients[0];
  return {
    destination,
    studyUid: studies[0]?.original ?? null,
    patient: known ? { patientId: known.patient_id, issuer: known.issuer, studyUid: known.study_uid } : null,
  };
}

/** Of these UIDs those that were sent there in place of others. */
export async function originalUids(q: Queryable, destination: string, uids: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await q.query<{ pseudonym: string; original: string }>({
    name: 'pseudonym-originals',
    text: `select pseudonym, original from pseudonym_uid where destination = $1 and pseudonym = any($2::text[])`,
    values: [destination, arrayLiteral(uids)],
  });
  return new Map(rows.map(({ pseudonym, original }) => [pseudonym, original]));
}

/** By the dates that were sent there in objects of a study. */
export async function originalDates(q: Queryable, destination: string, studyUid: string): Promise<Map<string, string>> {
  const { rows } = await q.query<{ pseudonym: string; original: string }>(
    `select pseudonym, original from pseudonym_date where destination = $1 and study_uid = $2`,
    [destination, studyUid],
  );
  return new Map(rows.map(({ pseudonym, original }) => [pseudonym, original]));
}

/** Before it is stored: an object that came from a destination is not sent back there. */
export async function noteReturned(q: Queryable, sopInstanceUid: string, destination: string): Promise<void> {
  await q.query(`insert into returned_object (sop_instance_uid, destination) values ($1, $2) on conflict do nothing`, [
    sopInstanceUid,
    destination,
  ]);
}

export type Pseudonym = {
  readonly destination: string;
  readonly kind: 'uid' | 'patient';
  readonly pseudonym: string;
  readonly original: string;
  /** Of the patient identifier; '' where it names none, and for UIDs. */
  readonly issuer: string;
};

/** What a UID or patient identifier that came back stands for: one row a destination that it was sent to. */
export async function findPseudonyms(q: Queryable, pseudonym: string): Promise<Pseudonym[]> {
  const { rows } = await q.query<Pseudonym>(
    `select destination, 'uid' as kind, pseudonym, original, '' as issuer from pseudonym_uid where pseudonym = $1
     union all select destination, 'patient', pseudonym, patient_id, issuer from pseudonym_patient where pseudonym = $1
     order by destination, kind limit ${MOST}`,
    [pseudonym],
  );
  return rows;
}

const MOST = 100;
