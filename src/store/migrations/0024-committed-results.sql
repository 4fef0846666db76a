-- Reports that were sent as objects are asked to be committed as images are.
drop index delivery_uncommitted;
create index delivery_uncommitted on delivery (destination, settled)
  where kind in ('dicom-object', 'dicom-result') and state = 'delivered' and commitment is null;
