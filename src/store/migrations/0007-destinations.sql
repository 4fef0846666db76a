-- Destinations that a person has paused: nothing is sent to them.
create table destination_pause (
  destination text primary key,
  paused_by   text not null,
  why         text not null,
  at          timestamptz not null
);

-- A delivery that failed for good at a destination that holds its lane stays at its head as `held`.
drop index delivery_waiting;
create index delivery_waiting on delivery (lane, lane_seq) where state in ('waiting', 'held');
