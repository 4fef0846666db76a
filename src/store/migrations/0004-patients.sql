-- When that was said which a version says: EVN-2 or MSH-7 of the message, the moment of a FHIR write. An older event never overwrites a newer one.
alter table resource add column said timestamptz;

-- All numbers of a person go where the person goes.
create index identifiers_patient on identifiers (id) where type = 'Patient';

-- One row a merge of two Patients: what it moved, so that a person can undo it.
create table patient_merge (
  n         bigint generated always as identity primary key,
  merged    uuid not null,
  survivor  uuid not null,
  at        timestamptz not null,
  seq       bigint not null,
  -- Business identifiers that led to `merged` before.
  systems   text[] not null,
  numbers   text[] not null,
  -- `Type/id` of the resources, and ids of the cases, that went along.
  resources text[] not null default '{}',
  cases     uuid[] not null default '{}',
  undone    timestamptz
);
create index patient_merge_merged on patient_merge (merged);
