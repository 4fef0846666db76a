-- Parts of the other lanes of an entry that must keep the order of several: a merge of two patients.
alter table pending add column also smallint[] not null default '{}';
create index pending_also on pending (seq) where also <> '{}';
