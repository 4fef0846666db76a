-- What a DICOM instance says of itself, whole but for large values: DICOM JSON (PS3.18 Annex F), deflated (RFC 1951). Made once, by whoever
-- needs it first; an instance without a row has it made from its file.
create table instance_metadata (
  sop_instance_uid text primary key,
  json             bytea not null
);
-- Those that came last are found by their place in the journal.
create index instance_seq on instance (seq);
