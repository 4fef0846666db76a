/** Certificates for TLS in tests, made by OpenSSL: an authority, and keys it has signed. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './temporary-directory.ts';

export type TestKey = { readonly key: string; readonly cert: string; readonly keyFile: string; readonly certFile: string };

export type TestAuthority = {
  /** PEM of the authority's own certificate. */
  readonly ca: string;
  readonly caFile: string;
  /** A key for a name; the certificate is for this machine's address too. */
  issue(name: string): TestKey;
};

/** An authority with a directory of its own, which goes with the test. */
export function testAuthority(name = 'Test Authority'): TestAuthority {
  const directory = temporaryDirectory('waystation-tls-');
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', `/CN=${name}`, '-days', '90');
  const read = (file: string): string => readFileSync(join(directory, file), 'utf8');
  return {
    ca: read('ca.pem'),
    caFile: join(directory, 'ca.pem'),
    issue: (subject) => {
      const [key, request, cert] = [`${subject}.key`, `${subject}.csr`, `${subject}.pem`];
      openssl('req', ...newKey, '-keyout', key, '-out', request, '-subj', `/CN=${subject}`, '-addext', 'subjectAltName=IP:127.0.0.1');
      openssl(
        ...['x509', '-req', '-in', request, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', cert],
        ...['-days', '60', '-copy_extensions', 'copyall'],
      );
      return { key: read(key), cert: read(cert), keyFile: join(directory, key), certFile: join(directory, cert) };
    },
  };
}
