-- What came back is looked up by the pseudonym alone: nobody who finds one knows where it was sent.
create index pseudonym_uid_pseudonym on pseudonym_uid (pseudonym);
create index pseudonym_patient_pseudonym on pseudonym_patient (pseudonym);
