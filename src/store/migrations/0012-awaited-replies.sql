-- Orders whose senders keep their connections open for the reply. A row is committed with its entry, and taken by whoever ends the wait
-- first: the corridor, which then puts the reply into the entry's answer, or the door, which gives the answer that stands there.
create table awaited_reply (
  seq bigint primary key
);
