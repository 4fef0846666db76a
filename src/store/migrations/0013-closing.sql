-- Modality Performed Procedure Steps as they stand: what an N-SET changes.
create table performed_step (
  uid     text primary key,
  peer    text not null,
  state   text not null,
  -- DICOM JSON.
  content bytea not null,
  updated timestamptz not null
);
-- What others say of how far a study is, beside the keys of the cases it is of ('kind|system|value').
create table closing_signal (
  kind      text not null,
  peer      text not null,
  uid       text not null,
  state     text not null,
  keys      text[] not null,
  -- SOP Instance UIDs of what has been made.
  instances text[] not null,
  -- Whom it is about, and the keys in parts, as JSON.
  content   bytea not null,
  seq       bigint not null,
  at        timestamptz not null,
  primary key (kind, peer, uid)
);
create index closing_signal_keys on closing_signal using gin (keys);
