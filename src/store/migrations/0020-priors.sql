-- Priors of a case: what a PACS is asked for, from when it is ordered until it is here or given up.
create table prior (
  case_id      uuid primary key,
  -- What is asked, as JSON.
  content      bytea not null,
  -- The studies that were found and taken.
  study_uids   text[] not null default '{}',
  -- waiting; done; dead: given up, as the timeline of the case tells.
  state        text not null default 'waiting',
  attempts     integer not null default 0,
  -- Not looked at before: somebody is at it, or it rests after a failure.
  due          timestamptz not null,
  last_failure text not null default '',
  settled      timestamptz
);
create index prior_due on prior (due) where state = 'waiting';
create index prior_study on prior using gin (study_uids);
