-- The corridor's tables. Content columns (payload, content, answer) are opaque: every search runs on index columns.

-- One row an inbound message, committed before it is acknowledged. Append-only: how it went is told by `outcome`.
create table journal (
  seq              bigint generated always as identity primary key,
  received         timestamptz not null,
  kind             text not null,
  peer             text not null,
  type             text not null,
  control_id       text not null,
  digest           bytea not null,
  lane             text not null,
  payload          bytea not null,
  blob             text,
  disposition      text not null,
  answer           bytea not null,
  effects          text[] not null default '{}',
  detail           text not null default '',
  reused_control_id boolean not null default false
);
-- A resend (same peer, control id and bytes) of an accepted message has no second row. FHIR writes and operations carry no control id of a sender.
create unique index journal_once on journal (peer, control_id, digest)
  where disposition <> 'refused' and kind in ('hl7v2', 'dicom', 'receipt');

-- Accepted entries that no worker has settled. `part` = hash of the lane: one worker at a time holds a part, so a lane keeps its order.
-- `bytes` bounds what one claim takes into memory; an entry that failed alone is not claimed before `not_before`.
create table pending (
  seq        bigint primary key,
  part       smallint not null,
  bytes      integer not null,
  tries      smallint not null default 0,
  not_before timestamptz
);

create table outcome (
  seq      bigint primary key,
  state    text not null,
  detail   text not null default '',
  produced text[] not null default '{}',
  cases    uuid[] not null default '{}',
  settled  timestamptz not null default now()
);
create index outcome_not_done on outcome (state, seq) where state <> 'done';

-- Business identifier → resource id, unique: racing messages give one resource.
create table identifiers (
  type   text not null,
  system text not null,
  value  text not null,
  id     uuid not null,
  primary key (type, system, value)
);

-- Index columns of the current version. `readers`: groups that may see it; `author`: group or peer that wrote it.
create table resource (
  type     text not null,
  id       uuid not null,
  version  integer not null,
  updated  timestamptz not null,
  deleted  boolean not null default false,
  case_id  uuid,
  author   text not null default '',
  readers  text[] not null default '{}',
  status   text not null default '',
  owner    text not null default '',
  dated    timestamptz,
  dated_to timestamptz,
  tokens   bigint[] not null,
  digest   bytea not null,
  primary key (type, id)
);
create index resource_tokens on resource using gin (tokens);
create index resource_updated on resource (type, updated, id);
create index resource_dated on resource (type, dated) where dated is not null;
create index resource_case on resource (case_id) where case_id is not null;
create index task_worklist on resource (owner, status, updated, id) where type = 'Task' and not deleted;

create table resource_version (
  type    text not null,
  id      uuid not null,
  version integer not null,
  updated timestamptz not null,
  deleted boolean not null default false,
  seq     bigint,
  content bytea not null,
  primary key (type, id, version)
);

-- Strings searched by prefix (names), folded to lower case without accents.
create table resource_string (
  type  text not null,
  param text not null,
  -- Ordered by bytes, whatever the language of the server: so the key itself finds prefixes.
  value text collate "C" not null,
  id    uuid not null,
  primary key (type, param, value, id)
);
create index resource_string_id on resource_string (id);

-- One row a DICOM instance as first received; the object is a Part 10 file in the blob store.
create table instance (
  sop_instance_uid text primary key,
  study_uid        text not null,
  series_uid       text not null,
  sop_class_uid    text not null,
  transfer_syntax  text not null,
  modality         text not null,
  frames           integer not null,
  peer             text not null,
  blob             text not null,
  bytes            bigint not null,
  -- Offset of the dataset in the file: what comes before it is preamble and File Meta Information.
  dataset_offset   integer not null,
  -- Offset of the Pixel Data element in the (inflated) dataset, null without pixels: frames are cut out by ranges.
  pixel_offset     bigint,
  digest           bytea not null,
  header           bytea not null,
  received         timestamptz not null,
  seq              bigint
);
create index instance_study on instance (study_uid, series_uid);

create table cases (
  id       uuid primary key,
  version  integer not null,
  phase    text not null,
  specialty text not null,
  reading_group text not null default '',
  task     uuid,
  wake     timestamptz,
  opened   timestamptz not null,
  updated  timestamptz not null,
  content  bytea not null
);
create index cases_wake on cases (wake) where wake is not null;
create index cases_task on cases (task) where task is not null;
create index cases_open on cases (phase, updated, id);
create index cases_updated on cases (updated, id);

-- Every key that was ever named, unique: whoever names one holds its row until the end of the transaction, and then reads its members.
create table case_keys (
  kind   text not null,
  system text not null,
  value  text not null,
  primary key (kind, system, value)
);

-- The cases that name a key (two orders on one study, two patients under one number): what `CaseState.keys` says, turned around.
create table case_key_member (
  kind    text not null,
  system  text not null,
  value   text not null,
  case_id uuid not null,
  primary key (kind, system, value, case_id)
);

create table case_event (
  case_id uuid not null,
  n       bigint generated always as identity,
  at      timestamptz not null,
  seq     bigint,
  kind    text not null,
  actor   text not null,
  detail  text not null,
  primary key (case_id, n)
);

-- Outbound lanes hand out sequence numbers under a row lock in the transaction that orders the delivery.
create table lane (
  name text primary key,
  next bigint not null default 1
);

create table delivery (
  id           uuid primary key,
  destination  text not null,
  kind         text not null,
  lane         text not null,
  lane_seq     bigint not null,
  case_id      uuid not null,
  seq          bigint not null,
  control_id   text not null,
  content      bytea not null,
  state        text not null,
  attempts     integer not null default 0,
  due          timestamptz not null,
  last_failure text not null default '',
  created      timestamptz not null default now(),
  settled      timestamptz,
  unique (lane, lane_seq)
);
create index delivery_waiting on delivery (lane, lane_seq) where state = 'waiting';
create index delivery_case on delivery (case_id);
create index delivery_dead on delivery (id) where state = 'dead';

create table delivery_attempt (
  delivery uuid not null,
  n        integer not null,
  started  timestamptz not null,
  ended    timestamptz not null,
  outcome  text not null,
  detail   text not null,
  primary key (delivery, n)
);

-- Cases pushed to a specialist's server, looked at there until the report is found.
create table watch (
  destination text not null,
  case_id     uuid not null,
  remote      text not null,
  due         timestamptz not null,
  done        boolean not null default false,
  primary key (destination, case_id)
);
create index watch_due on watch (due) where not done;

-- Bearer tokens: only the hash is kept.
create table client (
  name       text primary key,
  token_hash bytea not null unique,
  reading_group text not null,
  role       text not null,
  created    timestamptz not null default now(),
  revoked    timestamptz
);

create table audit (
  n      bigint generated always as identity primary key,
  at     timestamptz not null,
  client text not null,
  action text not null,
  target text not null,
  result text not null
);
