-- New tokens wait in a list before they go into the index by the many; every search reads that list whole. Half a megabyte (of 4 by default)
-- keeps searches under a millisecond where resources arrive by the thousand, and writes cost a twentieth more.
alter index resource_tokens set (gin_pending_list_limit = 512);
