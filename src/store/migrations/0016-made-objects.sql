-- Of an object that was made here: the resource that it says, `Type/id`; who may see that may see the object. Null: it was received.
alter table instance add column made_of text;
create index instance_made_of on instance (made_of) where made_of is not null;
