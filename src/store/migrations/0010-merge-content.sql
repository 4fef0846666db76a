-- The record as it was before it was merged, and which of its numbers the survivor did not have: JSON, opaque.
alter table patient_merge add column content bytea;
