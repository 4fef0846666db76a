/**
 * Who is who among what was sent de-identified: by destination the UIDs and patient identifiers that stand for others, and the secret they
 * are made with. The secret is made once, at first use, and never changes: objects that are sent later must fit those sent before.
 */
import { randomBytes } from 'node:crypto';
import type { Queryable } from './database.ts';
import { arrayLiteral } from './packed.ts';

export type Pseudonyms = {
  readonly destination: string;
  /** By the UID that was sent. */
  readonly uids: ReadonlyMap<string, string>;
  readonly patient: { readonly pseudonym: string; readonly patientId: string; readonly issuer: string };
};

export async function pseudonymSecret(q: Queryable): Promise<Buffer> {
  await q.query(`insert into pseudonym_secret (secret) values ($1) on conflict do nothing`, [randomBytes(32)]);
  const { rows } = await q.query<{ secret: Buffer }>(`select secret from pseudonym_secret`);
  return (rows[0] as { secret: Buffer }).secret;
}

/** Before an object is sent: what it stands for can be told when it comes back. Rows are written in the order of their key. */
export async function savePseudonyms(q: Queryable, { destination, uids, patient }: Pseudonyms): Promise<void> {
  const pairs = [...uids].sort(([one], [other]) => (one < other ? -1 : 1));
  await q.query({
    name: 'pseudonym-uids',
    text: `insert into pseudonym_uid (destination, pseudonym, original)
           select $1, * from unnest($2::text[], $3::text[]) on conflict do nothing`,
    values: [destination, arrayLiteral(pairs.map(([sent]) => sent)), arrayLiteral(pairs.map(([, original]) => original))],
  });
  await q.query({
    name: 'pseudonym-patient',
    text: `insert into pseudonym_patient (destination, pseudonym, patient_id, issuer) values ($1, $2, $3, $4) on conflict do nothing`,
    values: [destination, patient.pseudonym, patient.patientId, patient.issuer],
  });
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
