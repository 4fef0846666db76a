/** What a person may write of how objects are written anew for a destination. In: the values as written. Out: the rules, complete. */
import { z } from 'zod';
import type { CoercionRules, DeidentifyRules, Issuer } from '../model/outgoing.ts';
import { list, matching, name, oneOf, oneOrList, section, text } from './elements.ts';

const issuer = z.union(
  [
    text('the name of an issuer'),
    section({
      namespace: text('the local name of the issuer').optional(),
      universalId: text('the universal id of the issuer'),
      universalIdType: oneOf('DNS', 'EUI64', 'ISO', 'URI', 'UUID', 'X400', 'X500').prefault('ISO'),
    }),
  ],
  { error: 'must be the name of an issuer, or { namespace, universalId, universalIdType }' },
);

/** Of a prefix no value is made that is cut: what does not fit is not sent. */
const prefix = matching(/^[ -[\]-~]{1,15}$/, 'must be 1 to 15 printable ASCII characters, no backslash');

export const coerce = section({
  patient: oneOf('current', 'kept').prefault('kept'),
  patientIdPrefix: prefix.optional(),
  patientIdIssuer: issuer.optional(),
  accession: oneOf('order', 'kept').prefault('kept'),
  accessionPrefix: prefix.optional(),
  accessionIssuer: issuer.optional(),
}).transform((written): CoercionRules => {
  const { patientIdPrefix = '', accessionPrefix = '', patientIdIssuer, accessionIssuer, ...rest } = written;
  return {
    ...rest,
    patientIdPrefix,
    accessionPrefix,
    patientIdIssuer: issuerOf(patientIdIssuer),
    accessionIssuer: issuerOf(accessionIssuer),
  };
});

export const deidentify = section({
  retain: list(oneOf('uids', 'device', 'institution', 'patient', 'dates', 'modifiedDates', 'safePrivate')).prefault([]),
  burnedIn: oneOf('refuse', 'allow').prefault('refuse'),
  returnedBy: oneOrList(name).optional(),
}).transform((written, context): DeidentifyRules => {
  if (!written.retain.includes('dates') || !written.retain.includes('modifiedDates')) return written;
  context.issues.push({ code: 'custom', path: ['retain'], message: 'has dates and modifiedDates: one of them holds', input: undefined });
  return z.NEVER;
});

function issuerOf(written: z.output<typeof issuer> | undefined): Issuer | null {
  if (written === undefined) return null;
  if (typeof written === 'string') return { namespace: written, universalId: '', universalIdType: '' };
  return { ...written, namespace: written.namespace ?? '' };
}
