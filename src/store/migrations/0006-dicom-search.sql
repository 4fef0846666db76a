-- Studies and series as QIDO-RS searches them (PS3.18 §10.6), by what the instance that came first said. Names are in lower case, one entry a
-- component group; dates and times as DICOM writes them. `attributes`: DICOM JSON of the level, opaque.
create table dicom_study (
  study_uid      text primary key,
  study_date     text collate "C" not null,
  study_time     text collate "C" not null,
  accession      text not null,
  patient_id     text not null,
  patient_issuer text not null,
  patient_name   text[] not null,
  birth_date     text collate "C" not null,
  sex            text not null,
  referrer       text[] not null,
  study_id       text not null,
  description    text not null,
  attributes     bytea not null
);
create index dicom_study_newest on dicom_study (study_date desc, study_uid);
create index dicom_study_patient on dicom_study (patient_id);
create index dicom_study_accession on dicom_study (accession);

create table dicom_series (
  study_uid   text not null,
  series_uid  text not null,
  modality    text not null,
  number      integer,
  description text not null,
  body_part   text not null,
  attributes  bytea not null,
  primary key (study_uid, series_uid)
);
