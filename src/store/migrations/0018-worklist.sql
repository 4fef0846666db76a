-- In whose worklist the order of a case stands: the peer that placed it, while images are to come; '' when none are.
alter table cases add column awaited_by text not null default '';
update cases set awaited_by = coalesce(convert_from(content, 'UTF8')::json -> 'origin' ->> 'peer', '')
  where phase in ('assembling', 'requested', 'claimed') and content <> '' and convert_from(content, 'UTF8')::json ->> 'serviceRequest' <> ''
    and (phase = 'assembling' or json_array_length(convert_from(content, 'UTF8')::json -> 'studies') = 0);
create index cases_awaited on cases (awaited_by, id) where awaited_by <> '';
