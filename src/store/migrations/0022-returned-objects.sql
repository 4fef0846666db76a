-- What comes back from where it was sent de-identified: by which study a patient is found, which dates stand for which in objects of a study,
-- and which objects came from where.
alter table pseudonym_patient add column study_uid text not null default '';
create table pseudonym_date (
  destination text not null,
  study_uid   text not null,
  pseudonym   text not null,
  original    text not null,
  primary key (destination, study_uid, pseudonym)
);
create table returned_object (
  sop_instance_uid text not null,
  destination      text not null,
  primary key (sop_instance_uid, destination)
);
