/**
 * Character sets that messages may be written in, by their names in HL7 Table 0211. The windows code pages are not of the table, which is
 * user-extensible: senders declare them by these names.
 */
export const CHARSETS = [
  'ASCII',
  'UNICODE UTF-8',
  '8859/1',
  '8859/2',
  '8859/3',
  '8859/4',
  '8859/5',
  '8859/6',
  '8859/7',
  '8859/8',
  '8859/9',
  '8859/10',
  '8859/11',
  '8859/13',
  '8859/14',
  '8859/15',
  'WINDOWS-1250',
  'WINDOWS-1251',
  'WINDOWS-1252',
  'WINDOWS-1253',
  'WINDOWS-1254',
  'WINDOWS-1255',
  'WINDOWS-1256',
  'WINDOWS-1257',
  'WINDOWS-1258',
  'ISO IR14',
  'ISO IR87',
  'ISO IR159',
  'GB 18030-2000',
  'KS X 1001',
  'BIG-5',
] as const;

export type CharsetName = (typeof CHARSETS)[number];
