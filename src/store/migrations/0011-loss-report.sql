-- What was not carried of a message, with its values: patient data, opaque, null where nothing was lost.
alter table outcome add column loss bytea;

-- How often each path of each kind of message was not carried, and each code that no table knew. Written by every batch: rows are
-- short of the page, so that an update stays in it.
create table gap (
  peer       text not null,
  type       text not null,
  path       text not null,
  reason     text not null,
  code       text not null,
  code_table text not null,
  times      bigint not null,
  last_seq   bigint not null,
  last_seen  timestamptz not null,
  primary key (peer, type, path, reason, code)
) with (fillfactor = 50);
