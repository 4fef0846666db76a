/**
 * What a person may write in waystation.yaml, and what holds where nothing is written.
 * In: the file's values and a reader of secrets. Out: the values completed, or every issue at once.
 * Shape only: whether names meet each other is plan.ts's question.
 */
import { z } from 'zod';
import { CHARSETS } from '../model/charset.ts';
import { ADDRESS_RULE, isAddressRange } from './address-range.ts';
import {
  duration,
  host,
  list,
  matching,
  name,
  oneOf,
  oneOrList,
  type Pointers,
  readOr,
  secret,
  section,
  size,
  text,
  wholeNumber,
} from './elements.ts';
import { mappingOverrides } from './mapping-overrides.ts';
import { coerce, deidentify } from './outgoing-rules.ts';
import { faultOfKey, KEY_RULE } from './signing-key.ts';
import { callTls, doorTls, httpTls } from './tls-material.ts';

export const LOOPBACK = '127.0.0.1';
/** MLLP has 2575 from IANA (hl7), DIMSE 11112 (acr-nema by PS3.8 §9.1.1 is 104 or 11112). */
export const DEFAULT_PORTS = { mllp: 2575, dimse: 11_112, http: 8080 } as const;

/** The group that comes with the gateway: it takes cases where no configured destination does. */
export const BUILT_IN_READERS = { kind: 'pull', name: 'readers', group: 'readers' } as const;

export type ConfigInput = z.output<ReturnType<typeof configSchema>>;

/** The whole file. Secrets are read while it is checked, so that a missing one is a fault among the others. */
export function configSchema(pointers: Pointers) {
  return section({
    data: text('a directory').optional(),
    database: secret(pointers).refine(isDatabaseUrl, { error: 'must point to a URL that begins with postgres://' }).optional(),
    mllp: oneOrList(mllpDoor(pointers)).prefault({}),
    dimse: dimseDoor(pointers).prefault({}),
    http: httpDoor(pointers).prefault({}),
    unknownPeers: oneOf('accept', 'refuse').optional(),
    peers: list(peer(pointers)).prefault([]),
    destinations: list(destination(pointers)).prefault([]),
    routes: list(route).optional(),
    signers: list(signer(pointers)).prefault([]),
    specialties: z.record(z.string(), specialtyChange, { error: 'must map names of specialties to what is changed in them' }).prefault({}),
    defaultSpecialty: name.prefault('teleradiology'),
  });
}

const doorPort = wholeNumber(0, 65_535);
/** PS3.5 §6.2, AE: at most 16 characters of the default repertoire, no backslash, spaces at the ends mean nothing. */
const aeTitle = matching(/^[!-[\]-~]([ -[\]-~]{0,14}[!-[\]-~])?$/, 'must be an AE title: 1 to 16 printable ASCII characters, no backslash');
/** As browsers write it (RFC 6454 §6.1): no path, and never `*`: whose pages may read patient data is said one by one. */
const origin = z.string().refine((text) => /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text, {
  error: 'must be an origin such as https://viewer.example, without a path',
});

const webUrl = z.url({ protocol: /^https?$/, error: 'must be a URL with http or https' }).transform((url) => url.replace(/\/+$/, ''));

function mllpDoor(pointers: Pointers) {
  return section({
    name: name.prefault('mllp'),
    host: host.prefault(LOOPBACK),
    port: doorPort.prefault(DEFAULT_PORTS.mllp),
    tls: doorTls(pointers).optional(),
    release: release.prefault(1),
    maxMessage: size('1KiB', '256MiB').prefault('16MiB'),
    idle: duration('1s', '7d').prefault('30m'),
  });
}

function dimseDoor(pointers: Pointers) {
  return section({
    host: host.prefault(LOOPBACK),
    port: doorPort.prefault(DEFAULT_PORTS.dimse),
    tls: doorTls(pointers).optional(),
    aeTitle: aeTitle.prefault('WAYSTATION'),
    calledAeTitles: list(aeTitle).optional(),
    maxAssociations: wholeNumber(1, 1_000).prefault(32),
    maxPdu: size('4KiB', '1MiB').prefault('128KiB'),
    artim: duration('1s', '10m').prefault('30s'),
    idle: duration('1s', '1d').prefault('60s'),
    reserve: size('0KiB', '1024GiB').prefault('512MiB'),
  });
}

function httpDoor(pointers: Pointers) {
  return section({
    host: host.prefault(LOOPBACK),
    port: doorPort.prefault(DEFAULT_PORTS.http),
    tls: httpTls(pointers).optional(),
    publicUrl: webUrl.optional(),
    cors: section({ origins: list(origin) }).optional(),
    maxBody: size('64KiB', '256MiB').prefault('16MiB'),
  });
}

/** MLLP release 1 or 2. */
const release = z.literal([1, 2], { error: 'must be 1 or 2' });

const charset = z.enum(CHARSETS, { error: 'must be a character set as HL7 Table 0211 names it, such as 8859/1, or WINDOWS-1252' });

/** One address, or all of a network: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`. */
const address = z.string({ error: ADDRESS_RULE }).refine(isAddressRange, { error: ADDRESS_RULE });

function peer(pointers: Pointers) {
  return section({
    name,
    mllp: section({
      application: text('what stands in MSH-3').optional(),
      facility: text('what stands in MSH-4').optional(),
      listener: name.optional(),
      address: address.optional(),
      certificate: text('the common name of a certificate, or its SHA-256').optional(),
      release: release.optional(),
    }).optional(),
    dimse: section({
      aeTitle,
      commitment: section({
        host,
        port: wholeNumber(1, 65_535),
        tls: callTls(pointers).optional(),
        archive: name.optional(),
        limit: duration('1m', '90d').prefault('3d'),
      }).optional(),
      query: section({
        group: name,
        moveTo: list(name).prefault([]),
        transcode: oneOf('uncompressed', 'decompressed').prefault('uncompressed'),
      }).optional(),
      worklist: z.boolean({ error: 'must be true or false' }).prefault(false),
      address: address.optional(),
      certificate: text('the common name of a certificate, or its SHA-256').optional(),
    }).optional(),
    http: section({ client: name }).optional(),
    messages: z
      .record(
        matching(/^[A-Z0-9]{3}\^([A-Z0-9]{3}|\*)$/, 'must name messages as ORM^O01 or ADT^*'),
        oneOf('mapped', 'ignored', 'refused'),
        {
          error: (issue) =>
            issue.code === 'invalid_key' ? 'must name messages as ORM^O01 or ADT^*' : 'must map messages to mapped, ignored or refused',
        },
      )
      .prefault({ 'ORM^O01': 'mapped' }),
    otherMessages: oneOf('ignored', 'refused').prefault('refused'),
    acknowledgment: oneOf('asked', 'plain').prefault('asked'),
    reply: section({ wait: duration('100ms', '5m').optional() }).prefault({}),
    reusedControlId: oneOf('flag', 'refuse').prefault('flag'),
    accession: oneOf('OBR-18', 'OBR-3', 'OBR-20', 'IPC-1').prefault('OBR-18'),
    accessionIssuer: text('the issuer of its accession numbers').optional(),
    charset: charset.optional(),
    patientAuthority: text('the assigning authority of its patient ids').optional(),
    zone: matching(/^[+-](0\d|1[0-4]):[0-5]\d$/, 'must be an offset such as +01:00').prefault('+00:00'),
    mapping: mappingOverrides(pointers).optional(),
    specialty: name.optional(),
    gaps: oneOf('pass', 'hold').prefault('pass'),
    returns: list(name).prefault([]),
  });
}

const retry = section({
  first: duration('10ms', '1h').prefault('1s'),
  most: duration('10ms', '1d').prefault('5m'),
  /** With these delays three and a half days: longer than a weekend in which nobody repairs a receiver. */
  attempts: wholeNumber(1, 1_000_000).prefault(1_000),
  onFailure: oneOf('setAside', 'hold').prefault('setAside'),
});

function destination(pointers: Pointers) {
  const mllp = section({
    kind: z.literal('mllp'),
    name,
    host,
    port: wholeNumber(1, 65_535),
    receivingApplication: text('what MSH-5 shall say').optional(),
    receivingFacility: text('what MSH-6 shall say').optional(),
    version: oneOf('2.3', '2.3.1', '2.4', '2.5', '2.5.1', '2.6', '2.7', '2.7.1', '2.8').prefault('2.5.1'),
    release: release.prefault(1),
    replies: z.boolean({ error: 'must be true or false' }).prefault(false),
    status: oneOf('none', 'osu', 'orm').prefault('none'),
    report: oneOf('oru', 'mdm').prefault('oru'),
    text: oneOf('whole', 'lines', 'sections').prefault('whole'),
    charset: charset.prefault('UNICODE UTF-8'),
    tls: callTls(pointers).optional(),
    answerTimeout: duration('1s', '10m').prefault('30s'),
    retry: retry.prefault({}),
  });
  const fhir = section({
    kind: z.literal('fhir'),
    name,
    url: webUrl,
    token: secret(pointers).optional(),
    timeout: duration('1s', '10m').prefault('30s'),
    poll: duration('1s', '1d').prefault('30s'),
    retry: retry.prefault({}),
  });
  const pull = section({ kind: z.literal('pull'), name, group: name });
  const objects = {
    name,
    group: name.optional(),
    tls: callTls(pointers).optional(),
    timeout: duration('1s', '1h').prefault('60s'),
    associations: wholeNumber(1, 4).prefault(1),
    results: list(oneOf('pdf', 'sr', 'measurements', 'kos'))
      .transform((kinds) => [...new Set(kinds)])
      .prefault(['pdf', 'sr']),
    srClass: oneOf('basic', 'enhanced', 'comprehensive').prefault('basic'),
    rejection: oneOf('none', 'quality', 'safety', 'worklist', 'retention').prefault('none'),
    transcode: oneOf('never', 'uncompressed', 'decompressed').prefault('never'),
    coerce: coerce.optional(),
    deidentify: deidentify.optional(),
    retry: retry.prefault({}),
  };
  const dimse = section({
    kind: z.literal('dimse'),
    ...objects,
    host,
    port: wholeNumber(1, 65_535),
    aeTitle,
    callingAeTitle: aeTitle.optional(),
    idle: duration('0s', '10m').prefault('5s'),
    commitment: section({ limit: duration('1m', '90d').prefault('1d') }).optional(),
    availability: z.boolean({ error: 'must be true or false' }).prefault(false),
  });
  const dicomweb = section({ kind: z.literal('dicomweb'), ...objects, url: webUrl, token: secret(pointers).optional() });
  return z.discriminatedUnion('kind', [mllp, fhir, pull, dimse, dicomweb], {
    error: (issue) => (issue.code === 'invalid_union' ? 'must be mllp, fhir, pull, dimse or dicomweb' : 'must be a mapping'),
  });
}

const route = section({
  when: section({
    specialty: name.optional(),
    peer: text('the name of a peer').optional(),
    priority: oneOf('routine', 'urgent', 'asap', 'stat').optional(),
    hint: text('a hint such as modality:CT').optional(),
  }).prefault({}),
  to: name,
});

const specialtyChange = section({
  quiet: duration('0s', '7d').optional(),
  limit: duration('0s', '30d').optional(),
  instances: wholeNumber(0, 100_000).optional(),
  media: wholeNumber(0, 10_000).optional(),
  forms: wholeNumber(0, 1_000).optional(),
  releaseAtOnce: list(oneOf('routine', 'urgent', 'asap', 'stat')).optional(),
  priors: section({
    from: name,
    most: wholeNumber(1, 20).prefault(3),
    years: wholeNumber(1, 100).prefault(5),
    sameModality: z.boolean({ error: 'must be true or false' }).prefault(true),
    wait: duration('0s', '1h').prefault('0s'),
  }).optional(),
});

function signer(pointers: Pointers) {
  const inline = z.record(z.string(), z.unknown(), { error: KEY_RULE });
  return section({
    name: text('the name of a person'),
    identifier: section({ system: text('the system of the identifier, a URI'), value: text('the value of the identifier') }),
    jwk: inline.transform((written, context) => {
      const key = readOr(context, () => (typeof written.file === 'string' ? JSON.parse(pointers.file(written.file)) : written));
      if (key === null) return z.NEVER;
      const wrong = faultOfKey(key);
      if (wrong === '') return key as Readonly<Record<string, unknown>>;
      context.issues.push({ code: 'custom', message: wrong, input: undefined });
      return z.NEVER;
    }),
  });
}

/** `socket:/directory?db=…&user=…` is a server on a Unix socket. */
export function isDatabaseUrl(url: string): boolean {
  return /^(postgres(ql)?:\/\/|socket:\/)/.test(url);
}
