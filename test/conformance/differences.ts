/**
 * Rows of the guide that are deliberately different here, and why. The key is table, source and target as the guide writes them; a `*`
 * stands for any rest. At most one row in twenty may be.
 */
export const DIFFERENCES: Readonly<Record<string, string>> = {};

/** Tables that are not this product. */
export const OUTSIDE: Readonly<Record<string, string>> = {
  'RXO[MedicationRequest]': 'pharmacy orders are listed and left',
};
