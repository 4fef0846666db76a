-- Storage commitment that we ask of archives: one row a transaction, of many objects that were sent there.
create table asked_commitment (
  id              bigint generated always as identity primary key,
  destination     text not null,
  -- New each time it is asked; an answer to one of the former is one, too.
  transaction_uid text not null unique,
  former_uids     text[] not null default '{}',
  -- waiting: to be asked; asked: its answer is waited for; done: all are committed; dead: left to a person.
  state           text not null default 'waiting',
  attempts        integer not null default 0,
  due             timestamptz not null,
  created         timestamptz not null,
  last_failure    text not null default '',
  settled         timestamptz
);
create index asked_commitment_due on asked_commitment (due) where state in ('waiting', 'asked');
alter table delivery add column commitment bigint, add column committed timestamptz;
create index delivery_uncommitted on delivery (destination, settled) where kind = 'dicom-object' and state = 'delivered' and commitment is null;
create index delivery_commitment on delivery (commitment) where commitment is not null;
create index delivery_object on delivery (control_id) where kind = 'dicom-object';
