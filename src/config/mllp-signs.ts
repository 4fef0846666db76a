/** By what an MLLP peer is recognised, and how much that says: as it is planned, so it is looked up. */
export const MLLP_SIGNS = ['application', 'facility', 'listener', 'address', 'certificate'];

/** How much the signs of an MLLP peer say: a certificate is proved, what stands in a message is only claimed. */
export function rankOf(signs: number, certificate: boolean): number {
  return certificate ? signs + MLLP_SIGNS.length : signs;
}
