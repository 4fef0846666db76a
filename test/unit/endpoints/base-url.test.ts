import { describe, expect, it } from '@jest/globals';
import { baseUrl } from '../../../src/endpoints/base-url.ts';

const REACHED = { localAddress: '192.0.2.7', localPort: 8080, localFamily: 'IPv4' };

describe('the base of addresses in answers', () => {
  it('is the configured one, with or without a slash at its end', () => {
    expect(baseUrl(REACHED, 'https://gateway.example/', '/fhir')).toBe('https://gateway.example/fhir');
  });

  it('is else where the caller reached us, in the protocol he spoke', () => {
    expect(baseUrl(REACHED, '', '/fhir')).toBe('http://192.0.2.7:8080/fhir');
    expect(baseUrl({ ...REACHED, encrypted: true }, '', '/dicomweb')).toBe('https://192.0.2.7:8080/dicomweb');
    expect(baseUrl({ localAddress: '2001:db8::7', localPort: 1, localFamily: 'IPv6' }, '', '/fhir')).toBe('http://[2001:db8::7]:1/fhir');
  });
});
