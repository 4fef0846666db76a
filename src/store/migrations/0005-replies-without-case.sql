-- The reply to an order that was never seen here belongs to no case.
alter table delivery alter column case_id drop not null;
