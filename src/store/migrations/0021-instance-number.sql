-- Instance Number (0020,0013), which QIDO-RS and C-FIND search by; of what is here already as its header says it. Null where it says none.
alter table instance add column number integer;
update instance set number = said.value::integer
from (select sop_instance_uid as uid, convert_from(header, 'UTF8')::json #>> '{00200013,Value,0}' as value from instance) said
where said.uid = sop_instance_uid and said.value ~ '^-?[0-9]{1,9}$';
