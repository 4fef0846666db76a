/** TLS material as the configuration read it: PEM texts, plain data that a thread can be handed. */

/** Of a door. */
export type DoorTls = {
  /** Private key, and its certificate with what leads to its authority. */
  readonly key: string;
  readonly cert: string;
  /** Authorities whose certificates callers may show; '' where none are asked for. */
  readonly ca: string;
  /** Whether a caller must show a certificate, may, or is not asked. */
  readonly clients: 'none' | 'asked' | 'required';
};

/** Of a call to somebody. */
export type CallTls = {
  /** Authorities that are trusted; '' for those the machine trusts. */
  readonly ca: string;
  /** What we show of ourselves; '' for nothing. */
  readonly key: string;
  readonly cert: string;
  /** The name the other side's certificate must have; '' for the host that is called. */
  readonly serverName: string;
};

/** A certificate that was shown and verified. */
export type ShownCertificate = {
  /** Common name of the subject, '' where it has none. */
  readonly subject: string;
  /** SHA-256 of the certificate, hex without colons, lower case. */
  readonly fingerprint: string;
};
