/** How objects are written anew for a destination: its rules, and the facts that the rules need. */

/** Who gives out a number (PS3.3 Table 10-17); '' for what is not named. */
export type Issuer = { readonly namespace: string; readonly universalId: string; readonly universalIdType: string };

export type CoercionRules = {
  /** Identifier and name as they are now, after merges; or as the object has them. */
  readonly patient: 'current' | 'kept';
  readonly patientIdPrefix: string;
  /** Of objects that name none. */
  readonly patientIdIssuer: Issuer | null;
  /** The number of the order, or as the object has it. */
  readonly accession: 'order' | 'kept';
  readonly accessionPrefix: string;
  /** Of objects that name none. */
  readonly accessionIssuer: Issuer | null;
};

export type CoercionFacts = {
  /** Null: as the object has it. */
  readonly patient: {
    /** The number that is valid now. */
    readonly id: string;
    /** Null: the issuer that the object names has not changed. */
    readonly issuer: Issuer | null;
    /** PN (PS3.5 §6.2.1); '' where none is known. */
    readonly name: string;
  } | null;
  readonly accession: { readonly value: string; readonly issuer: Issuer | null } | null;
};

/** PS3.15 Annex E: options of the Basic Application Level Confidentiality Profile. */
export type RetainOption = 'uids' | 'device' | 'institution' | 'patient' | 'dates' | 'modifiedDates' | 'safePrivate';

export type DeidentifyRules = {
  readonly retain: readonly RetainOption[];
  /** What is done where the pixels, or a document, likely name the patient. */
  readonly burnedIn: 'refuse' | 'allow';
  /** Names of the peers whose objects become again what they were when they come back; absent: nobody's. */
  readonly returnedBy?: readonly string[] | undefined;
};
