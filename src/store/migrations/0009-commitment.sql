-- Requests for storage commitment, kept before they are accepted, until their answer has been taken.
create table commitment (
  id              bigint generated always as identity primary key,
  peer            text not null,
  transaction_uid text not null,
  -- Class and instance UIDs asked for, as JSON; the answer likewise, once it is known.
  request         bytea not null,
  answer          bytea,
  state           text not null default 'waiting',
  attempts        integer not null default 0,
  -- Not looked at before: somebody is at it, or it rests after a failure.
  due             timestamptz not null,
  last_failure    text not null default '',
  seq             bigint not null,
  received        timestamptz not null,
  settled         timestamptz,
  unique (peer, transaction_uid)
);
create index commitment_due on commitment (due) where state = 'waiting';
