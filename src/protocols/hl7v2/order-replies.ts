/**
 * Which message replies to which order (HL7 v2.5.1 §4.4; §11.3 for referrals). In: MSH-9 of an order. Out: MSH-9 of its reply, and what
 * stands in it of each order; undefined for messages that have no reply but an acknowledgment.
 */
export type ReplyKind = {
  readonly type: readonly [code: string, trigger: string];
  readonly structure: string;
  readonly details: 'none' | 'request' | 'imaging';
};

export function replyKindOf(asked: string, trigger: string): ReplyKind | undefined {
  if (asked === 'REF' && /^I1[2-5]$/.test(trigger)) return { type: ['RRI', trigger], structure: 'RRI_I12', details: 'none' };
  return REPLIES[`${asked}^${trigger}`];
}

const REPLIES: Readonly<Record<string, ReplyKind>> = {
  'ORM^O01': { type: ['ORR', 'O02'], structure: 'ORR_O02', details: 'request' },
  'OMG^O19': { type: ['ORG', 'O20'], structure: 'ORG_O20', details: 'request' },
  'OMI^O23': { type: ['ORI', 'O24'], structure: 'ORI_O24', details: 'imaging' },
  'OML^O21': { type: ['ORL', 'O22'], structure: 'ORL_O22', details: 'request' },
};
