/**
 * Addresses of callers: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`. In: as a person writes them. Out: whether an address is among them.
 * An IPv4 caller at a door that listens on IPv6 as well is `::ffff:192.0.2.7` to the operating system, and the same caller here.
 */

export const ADDRESS_RULE = 'must be an address or a network such as 192.0.2.0/24';

export function isAddressRange(text: string): boolean {
  return rangeOf(text) !== null;
}

/** A question about addresses; what is no range holds none. */
export function addressRange(text: string): (address: string) => boolean {
  const range = rangeOf(text);
  return (address) => {
    const bits = range && bitsOf(address);
    return !!bits && !!range && bits.length === range.bits.length && bits.startsWith(range.bits.slice(0, range.prefix));
  };
}

function rangeOf(text: string): { readonly bits: string; readonly prefix: number } | null {
  const [address = '', prefix, ...more] = text.split('/');
  const bits = bitsOf(address);
  if (bits === null || more.length > 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) return null;
  const length = prefix === undefined ? bits.length : Number(prefix);
  return length <= bits.length ? { bits, prefix: length } : null;
}

/** 32 or 128 digits 0 and 1; null for what is no address. */
function bitsOf(address: string): string | null {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  if (/^\d+(\.\d+){3}$/.test(mapped)) return bits4(mapped);
  return /^[0-9a-f:]+$/i.test(address) ? bits6(address) : null;
}

function bits4(address: string): string | null {
  const bytes = address.split('.').map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('') : null;
}

/** RFC 4291 §2.2: eight groups, of which one run of zeros may be left out. */
function bits6(address: string): string | null {
  const halves = address.split('::');
  if (halves.length > 2) return null;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const zeros = 8 - head.length - tail.length;
  const complete = halves.length === 2 ? zeros >= 1 : zeros === 0;
  const groups = [...head, ...Array<string>(Math.max(0, zeros)).fill('0'), ...tail];
  if (!complete || !groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return groups.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('');
}

/** Whether only programs of this machine reach a door bound there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
