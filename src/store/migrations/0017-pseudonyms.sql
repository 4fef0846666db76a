-- What stands for what in objects that were sent de-identified, by destination; and the secret that it is made with.
create table pseudonym_secret (
  one    boolean primary key default true check (one),
  secret bytea not null
);
create table pseudonym_uid (
  destination text not null,
  pseudonym   text not null,
  original    text not null,
  primary key (destination, pseudonym)
);
create table pseudonym_patient (
  destination text not null,
  pseudonym   text not null,
  patient_id  text not null,
  issuer      text not null,
  primary key (destination, pseudonym)
);
