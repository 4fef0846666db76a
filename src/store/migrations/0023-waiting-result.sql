-- Results that came before the order whose numbers they name, by the keys of its case.
create table waiting_result (
  kind text not null,
  system text not null,
  value text not null,
  seq bigint not null,
  since timestamptz not null,
  primary key (kind, system, value, seq)
);
create index waiting_result_seq on waiting_result (seq);
create index waiting_result_since on waiting_result (since);
