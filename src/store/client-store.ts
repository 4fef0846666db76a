/**
 * Who may call over HTTP: one row a client, with the hash of its bearer token, its reading group and its role.
 * A revoked client stays listed, is never found by its token again, and its name may be given out anew.
 */
import { type Failure, failure } from '../model/failure.ts';
import type { Caller } from '../model/peer.ts';
import type { Queryable } from './database.ts';

export type NewClient = Caller & {
  /** From security/token.ts. */
  readonly tokenHash: Buffer;
  readonly created: Date;
};

export type Client = Caller & { readonly created: Date; readonly revoked: Date | null };

/** Adds a client, or a new token for one that was revoked. A name in use is a conflict. */
export async function addClient(db: Queryable, client: NewClient): Promise<Failure | null> {
  const { rowCount } = await db.query(
    `insert into client as known (name, token_hash, reading_group, role, created) values ($1, $2, $3, $4, $5)
     on conflict (name) do update set token_hash = excluded.token_hash, reading_group = excluded.reading_group,
       role = excluded.role, created = excluded.created, revoked = null
     where known.revoked is not null`,
    [client.client, client.tokenHash, client.group, client.role, client.created],
  );
  return rowCount === 1 ? null : failure('store', 'conflict', `client ${client.client} exists: revoke it first, or choose another name`);
}

/** The caller behind a token, or null when it is unknown or revoked. */
export async function findClient(db: Queryable, tokenHash: Buffer): Promise<Caller | null> {
  const { rows } = await db.query<Caller>({
    name: 'client-by-token',
    text: 'select name as client, reading_group as "group", role from client where token_hash = $1 and revoked is null',
    values: [tokenHash],
  });
  return rows[0] ?? null;
}

/** Takes a client's token away. False when there is no such client, or it was revoked before. */
export async function revokeClient(db: Queryable, name: string, now: Date): Promise<boolean> {
  const { rowCount } = await db.query('update client set revoked = $2 where name = $1 and revoked is null', [name, now]);
  return rowCount === 1;
}

/** All clients by name, revoked ones included. */
export async function listClients(db: Queryable): Promise<Client[]> {
  const { rows } = await db.query<Client>(
    'select name as client, reading_group as "group", role, created, revoked from client order by name',
  );
  return rows;
}
