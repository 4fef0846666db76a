-- Photos and films that are to become DICOM objects, from when they are ordered until they are in the journal.
create table photo (
  sop_instance_uid text primary key,
  case_id          uuid not null,
  -- What is said of it beside the picture, as JSON.
  content          bytea not null,
  state            text not null default 'waiting',
  attempts         integer not null default 0,
  -- Not looked at before: somebody is at it, or it rests after a failure.
  due              timestamptz not null,
  last_failure     text not null default '',
  settled          timestamptz
);
create index photo_due on photo (due) where state = 'waiting';
