/**
 * The seven PDUs of the DICOM Upper Layer as bytes (PS3.8 §9.3, user information items PS3.7 §D.3.3).
 * In: one PDU's type and body, as cut from the stream by pdu-splitter.ts. Out: its fields, or a Failure saying what cannot be read.
 * Items of types not known here are skipped, as §9.3.1 asks; every length is checked against the bytes that are there.
 */
import { type Failure, failure } from '../../model/failure.ts';

export const PDU_TYPE = { associateRq: 1, associateAc: 2, associateRj: 3, pData: 4, releaseRq: 5, releaseRp: 6, abort: 7 } as const;

/** The DICOM Application Context Name, the only one there is (PS3.7 §A.2.1). */
export const APPLICATION_CONTEXT = '1.2.840.10008.3.1.1.1';

export type UserInformation = {
  /** Longest P-DATA-TF variable field the sender of this item takes; 0 is without limit (PS3.8 §D.1). */
  readonly maxPduLength: number;
  readonly implementationClassUid: string;
  readonly implementationVersionName: string;
  /** Roles that the requestor of the association proposes for itself, or is given (PS3.7 §D.3.3.4); absent where there are none. */
  readonly roles?: readonly RoleSelection[];
  readonly extended?: readonly ExtendedNegotiation[];
};

export type RoleSelection = { readonly sopClassUid: string; readonly scu: boolean; readonly scp: boolean };

/** PS3.7 §D.3.3.5: what a service class says of a SOP class, byte by byte. */
export type ExtendedNegotiation = { readonly sopClassUid: string; readonly information: Buffer };

export type PresentationContext = { readonly id: number; readonly abstractSyntax: string; readonly transferSyntaxes: readonly string[] };

/** `result` as in PS3.8 Table 9-18: 0 acceptance, 3 abstract syntax not supported, 4 transfer syntaxes not supported. */
export type ContextResult = { readonly id: number; readonly result: number; readonly transferSyntax: string };

type Association = {
  readonly protocolVersion: number;
  readonly called: string;
  readonly calling: string;
  readonly applicationContext: string;
  readonly user: UserInformation;
};
export type AssociateRq = Association & { readonly type: 'A-ASSOCIATE-RQ'; readonly contexts: readonly PresentationContext[] };
export type AssociateAc = Association & { readonly type: 'A-ASSOCIATE-AC'; readonly results: readonly ContextResult[] };
/** PS3.8 Table 9-21. */
export type AssociateRj = { readonly type: 'A-ASSOCIATE-RJ'; readonly result: number; readonly source: number; readonly reason: number };
/** A presentation data value: a fragment of a command or of a dataset (PS3.8 §9.3.5.1, message control header §E.2). */
export type Pdv = { readonly context: number; readonly command: boolean; readonly last: boolean; readonly fragment: Buffer };
/** As received: one fragment or a piece of one at a time, `last` with the piece that ends its message. */
export type PData = { readonly type: 'P-DATA-TF'; readonly values: readonly Pdv[] };
/** PS3.8 Table 9-26. */
export type Abort = { readonly type: 'A-ABORT'; readonly source: number; readonly reason: number };
export type Release = { readonly type: 'A-RELEASE-RQ' | 'A-RELEASE-RP' };
export type Pdu = AssociateRq | AssociateAc | AssociateRj | PData | Release | Abort;

/** Reads the body of a PDU of any type but P-DATA-TF, which pdu-splitter.ts reads as it comes. */
export function decodePdu(type: number, body: Buffer): Exclude<Pdu, PData> | Failure {
  switch (type) {
    case PDU_TYPE.associateRq:
    case PDU_TYPE.associateAc:
      return decodeAssociate(type, body);
    case PDU_TYPE.associateRj:
      return body.length === 4
        ? { type: 'A-ASSOCIATE-RJ', result: at(body, 1), source: at(body, 2), reason: at(body, 3) }
        : wrongLength(type);
    case PDU_TYPE.releaseRq:
      return body.length === 4 ? { type: 'A-RELEASE-RQ' } : wrongLength(type);
    case PDU_TYPE.releaseRp:
      return body.length === 4 ? { type: 'A-RELEASE-RP' } : wrongLength(type);
    case PDU_TYPE.abort:
      return body.length === 4 ? { type: 'A-ABORT', source: at(body, 2), reason: at(body, 3) } : wrongLength(type);
    default:
      return failure('dicom', 'unsupported-type', `PDU type ${type}`);
  }
}

/** The bytes of a PDU, header included. */
export function encodePdu(pdu: Pdu): Buffer {
  switch (pdu.type) {
    case 'A-ASSOCIATE-RQ':
      return framed(PDU_TYPE.associateRq, encodeAssociate(pdu, pdu.contexts.map(encodeContext)));
    case 'A-ASSOCIATE-AC':
      return framed(PDU_TYPE.associateAc, encodeAssociate(pdu, pdu.results.map(encodeResult)));
    case 'A-ASSOCIATE-RJ':
      return framed(PDU_TYPE.associateRj, [Buffer.from([0, pdu.result, pdu.source, pdu.reason])]);
    case 'P-DATA-TF':
      return framed(PDU_TYPE.pData, pdu.values.flatMap(encodePdv));
    case 'A-RELEASE-RQ':
      return framed(PDU_TYPE.releaseRq, [Buffer.alloc(4)]);
    case 'A-RELEASE-RP':
      return framed(PDU_TYPE.releaseRp, [Buffer.alloc(4)]);
    case 'A-ABORT':
      return framed(PDU_TYPE.abort, [Buffer.from([0, 0, pdu.source, pdu.reason])]);
  }
}

/** Protocol version, AE titles and reserved bytes before the first item (PS3.8 Tables 9-11 and 9-17). */
const ASSOCIATE_FIXED_BYTES = 68;
const ITEM = {
  applicationContext: 0x10,
  contextRq: 0x20,
  contextAc: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
  user: 0x50,
} as const;
const USER_ITEM = { maxLength: 0x51, implementationClass: 0x52, roleSelection: 0x54, implementationVersion: 0x55, extended: 0x56 } as const;

type Item = { readonly type: number; readonly value: Buffer };

function decodeAssociate(type: number, body: Buffer): AssociateRq | AssociateAc | Failure {
  const items = body.length < ASSOCIATE_FIXED_BYTES ? null : itemsOf(body.subarray(ASSOCIATE_FIXED_BYTES));
  const user = items && decodeUser(items.find((item) => item.type === ITEM.user)?.value ?? Buffer.alloc(0));
  if (!items || !user) return failure('dicom', 'malformed', `PDU type ${type}: an item runs past its end`);
  const association = {
    protocolVersion: body.readUInt16BE(0),
    called: text(body.subarray(4, 20)),
    calling: text(body.subarray(20, 36)),
    applicationContext: text(items.find((item) => item.type === ITEM.applicationContext)?.value ?? Buffer.alloc(0)),
    user,
  };
  if (type === PDU_TYPE.associateRq) {
    const contexts = items.filter((item) => item.type === ITEM.contextRq).map((item) => decodeContext(item.value));
    if (contexts.every((context) => context !== null)) return { type: 'A-ASSOCIATE-RQ', ...association, contexts };
  } else {
    const results = items.filter((item) => item.type === ITEM.contextAc).map((item) => decodeResult(item.value));
    if (results.every((result) => result !== null)) return { type: 'A-ASSOCIATE-AC', ...association, results };
  }
  return failure('dicom', 'malformed', `PDU type ${type}: a presentation context cannot be read`);
}

/** PS3.8 Table 9-13. */
function decodeContext(value: Buffer): PresentationContext | null {
  const items = value.length < 4 ? null : itemsOf(value.subarray(4));
  if (!items) return null;
  const named = (type: number) => items.filter((item) => item.type === type).map((item) => text(item.value));
  return { id: at(value, 0), abstractSyntax: named(ITEM.abstractSyntax)[0] ?? '', transferSyntaxes: named(ITEM.transferSyntax) };
}

/** PS3.8 Table 9-18. */
function decodeResult(value: Buffer): ContextResult | null {
  const items = value.length < 4 ? null : itemsOf(value.subarray(4));
  if (!items) return null;
  return { id: at(value, 0), result: at(value, 2), transferSyntax: text(items[0]?.value ?? Buffer.alloc(0)) };
}

/** PS3.7 §D.3.3.1 and §D.3.3.2. Other items (asynchronous window, identity) are proposals that an answer without them declines. */
function decodeUser(value: Buffer): UserInformation | null {
  const items = itemsOf(value);
  if (!items) return null;
  const find = (type: number) => items.find((item) => item.type === type)?.value;
  const maxLength = find(USER_ITEM.maxLength);
  const roles = items.flatMap(({ type, value: role }) => (type === USER_ITEM.roleSelection ? decodeRole(role) : []));
  const extended = items.flatMap(({ type, value: said }) => (type === USER_ITEM.extended ? decodeExtended(said) : []));
  return {
    maxPduLength: maxLength?.length === 4 ? maxLength.readUInt32BE(0) : 0,
    implementationClassUid: text(find(USER_ITEM.implementationClass) ?? Buffer.alloc(0)),
    implementationVersionName: text(find(USER_ITEM.implementationVersion) ?? Buffer.alloc(0)),
    ...(roles.length === 0 ? {} : { roles }),
    ...(extended.length === 0 ? {} : { extended }),
  };
}

/** PS3.7 Table D.3-11; one that cannot be read is as good as none. */
function decodeExtended(value: Buffer): ExtendedNegotiation[] {
  const end = value.length < 2 ? Number.POSITIVE_INFINITY : value.readUInt16BE(0) + 2;
  return end > value.length ? [] : [{ sopClassUid: text(value.subarray(2, end)), information: value.subarray(end) }];
}

/** One that cannot be read is as good as none: the default roles are then meant. */
function decodeRole(value: Buffer): RoleSelection[] {
  if (value.length < 4 || value.length !== value.readUInt16BE(0) + 4) return [];
  return [{ sopClassUid: text(value.subarray(2, -2)), scu: value.at(-2) === 1, scp: value.at(-1) === 1 }];
}

/** Items of type, reserved byte, 2-byte length, value; null when a length runs past the end. */
function itemsOf(bytes: Buffer): Item[] | null {
  const items: Item[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    if (offset + 4 > bytes.length) return null;
    const end = offset + 4 + bytes.readUInt16BE(offset + 2);
    if (end > bytes.length) return null;
    items.push({ type: at(bytes, offset), value: bytes.subarray(offset + 4, end) });
    offset = end;
  }
  return items;
}

/** AE titles and UIDs: leading and trailing spaces do not count (PS3.8 Table 9-11), and some pad UIDs with NUL. */
function text(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trimStart();
}

function at(bytes: Buffer, offset: number): number {
  return bytes[offset] as number;
}

function wrongLength(type: number): Failure {
  return failure('dicom', 'malformed', `PDU type ${type} of a length other than 4`);
}

function encodeAssociate(association: Association, contexts: readonly Buffer[]): Buffer[] {
  const fixed = Buffer.alloc(ASSOCIATE_FIXED_BYTES);
  fixed.writeUInt16BE(association.protocolVersion, 0);
  fixed.write(association.called.padEnd(16), 4, 16, 'latin1');
  fixed.write(association.calling.padEnd(16), 20, 16, 'latin1');
  return [fixed, item(ITEM.applicationContext, association.applicationContext), ...contexts, encodeUser(association.user)];
}

function encodeContext(context: PresentationContext): Buffer {
  const syntaxes = context.transferSyntaxes.map((uid) => item(ITEM.transferSyntax, uid));
  return item(ITEM.contextRq, Buffer.from([context.id, 0, 0, 0]), item(ITEM.abstractSyntax, context.abstractSyntax), ...syntaxes);
}

/** A transfer syntax must stand there even when the context was refused; it is then not significant. */
function encodeResult(result: ContextResult): Buffer {
  return item(ITEM.contextAc, Buffer.from([result.id, 0, result.result, 0]), item(ITEM.transferSyntax, result.transferSyntax));
}

function encodeUser(user: UserInformation): Buffer {
  const maxLength = Buffer.alloc(4);
  maxLength.writeUInt32BE(user.maxPduLength);
  const version = user.implementationVersionName;
  return item(
    ITEM.user,
    item(USER_ITEM.maxLength, maxLength),
    item(USER_ITEM.implementationClass, user.implementationClassUid),
    ...(user.roles ?? []).map(encodeRole),
    ...(version === '' ? [] : [item(USER_ITEM.implementationVersion, version)]),
    ...(user.extended ?? []).map(encodeExtended),
  );
}

/** PS3.7 Table D.3-9: the UID after its length, then both roles. */
function encodeRole({ sopClassUid, scu, scp }: RoleSelection): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(sopClassUid.length);
  return item(USER_ITEM.roleSelection, length, sopClassUid, Buffer.from([Number(scu), Number(scp)]));
}

/** PS3.7 Tables D.3-11 and D.3-12. */
function encodeExtended({ sopClassUid, information }: ExtendedNegotiation): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(sopClassUid.length);
  return item(USER_ITEM.extended, length, sopClassUid, information);
}

function encodePdv(pdv: Pdv): Buffer[] {
  const header = Buffer.alloc(6);
  header.writeUInt32BE(pdv.fragment.length + 2, 0);
  header[4] = pdv.context;
  header[5] = (pdv.command ? 1 : 0) | (pdv.last ? 2 : 0);
  return [header, pdv.fragment];
}

function item(type: number, ...values: (string | Buffer)[]): Buffer {
  const value = Buffer.concat(values.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
  const header = Buffer.from([type, 0, 0, 0]);
  header.writeUInt16BE(value.length, 2);
  return Buffer.concat([header, value]);
}

function framed(type: number, parts: readonly Buffer[]): Buffer {
  const header = Buffer.from([type, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(
    parts.reduce((total, part) => total + part.length, 0),
    2,
  );
  return Buffer.concat([header, ...parts]);
}
