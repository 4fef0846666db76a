/**
 * Which presentation contexts of an A-ASSOCIATE-RQ are accepted, and with which transfer syntax (PS3.8 §7.1.1.13 and §7.1.1.14, PS3.7 §D.3).
 * In: the request and who we are. Out: the A-ASSOCIATE-AC, or a Failure for a request that no context can save.
 */
import { type Failure, failure } from '../../model/failure.ts';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from './part10.ts';
import { APPLICATION_CONTEXT, type AssociateAc, type AssociateRq, type ContextResult, type PresentationContext } from './pdu.ts';
import { extensionBytes, type QueryExtension, queryExtension } from './query-extension.ts';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, transferSyntax } from './transfer-syntax.ts';

/** An accepted context: what may be sent on it, and how it is encoded. */
export type AcceptedContext = {
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntax: string;
  /** The peer performs this service too: we may store with it (PS3.7 §D.3.3.4). */
  readonly isProvider?: boolean;
  /** What was agreed on beside what the service does by itself. */
  readonly extension?: QueryExtension;
};

export type Negotiated = { readonly answer: AssociateAc; readonly contexts: ReadonlyMap<number, AcceptedContext> };

/** `stored`: as the objects come, in any transfer syntax that can be stored; `written`: in one that we write too. */
export type Encoding = 'stored' | 'written';
/** How datasets on an abstract syntax go; null where it is not offered to this peer. */
export type Offer = (abstractSyntax: string) => Encoding | null;

/**
 * `maxPduLength`: what we take; what the peer takes stands in its request. `providing`: SOP classes for which the peer may be the provider,
 * as who asks by C-GET is for what comes.
 */
export function negotiate(rq: AssociateRq, maxPduLength: number, offer: Offer, providing = NO_CLASS): Negotiated | Failure {
  if ((rq.protocolVersion & 1) === 0) return failure('dicom', 'unsupported-version', `protocol version ${rq.protocolVersion}`);
  if (rq.applicationContext !== APPLICATION_CONTEXT) return failure('dicom', 'unsupported-type', 'application context name');
  const results = rq.contexts.map((context) => resultOf(context, offer(context.abstractSyntax)));
  const roles = (rq.user.roles ?? []).map(({ scp, ...role }) => ({ ...role, scp: scp && providing(role.sopClassUid) }));
  const providers = new Set(roles.filter(({ scp }) => scp).map(({ sopClassUid }) => sopClassUid));
  const accepted = rq.contexts.flatMap((context, index) => {
    const result = results[index] as ContextResult;
    if (result.result !== ACCEPTANCE) return [];
    const { id, abstractSyntax } = context;
    const provider = providers.has(abstractSyntax) ? { isProvider: true } : {};
    const said = rq.user.extended?.find(({ sopClassUid }) => sopClassUid === abstractSyntax)?.information;
    const extension = said && queryExtension(abstractSyntax, said);
    return [{ id, abstractSyntax, transferSyntax: result.transferSyntax, ...provider, ...(extension ? { extension } : {}) }];
  });
  const extended = accepted.flatMap(({ abstractSyntax: sopClassUid, extension }) =>
    extension ? [{ sopClassUid, information: extensionBytes(sopClassUid, extension) }] : [],
  );
  const answer: AssociateAc = {
    type: 'A-ASSOCIATE-AC',
    protocolVersion: 1,
    // PS3.8 Table 9-17: sent back as received, not tested by the peer.
    called: rq.called,
    calling: rq.calling,
    applicationContext: APPLICATION_CONTEXT,
    results,
    user: {
      ...{ maxPduLength, implementationClassUid: IMPLEMENTATION_CLASS_UID, implementationVersionName: IMPLEMENTATION_VERSION_NAME },
      // PS3.7 §D.3.3.4: without an answer the default roles hold.
      ...(providers.size === 0 ? {} : { roles }),
      // PS3.7 §D.3.3.5: what is not answered is not agreed on.
      ...(extended.length === 0 ? {} : { extended }),
    },
  };
  return { answer, contexts: new Map(accepted.map((context) => [context.id, context])) };
}

/**
 * The first proposed transfer syntax that can be stored is taken: the order is the sender's preference, and objects stay as they are.
 * JPIP is not: the pixels would be a promise of another server, not in our hands when we say that they are stored.
 */
function resultOf(context: PresentationContext, encoding: Encoding | null): ContextResult {
  const known = encoding === 'written' ? writtenOf(context) : context.transferSyntaxes.find(isStorable);
  const result = encoding === null ? ABSTRACT_SYNTAX_NOT_SUPPORTED : known === undefined ? TRANSFER_SYNTAXES_NOT_SUPPORTED : ACCEPTANCE;
  return { id: context.id, result, transferSyntax: result === ACCEPTANCE ? (known as string) : IMPLICIT_LITTLE_ENDIAN };
}

function isStorable(uid: string): boolean {
  return (transferSyntax(uid)?.pixels ?? 'elsewhere') !== 'elsewhere';
}

/** A dataset that we answer with one of our own: in an encoding that we write. */
function writtenOf({ transferSyntaxes }: PresentationContext): string | undefined {
  return [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN].find((uid) => transferSyntaxes.includes(uid));
}

const NO_CLASS = (_sopClassUid: string): boolean => false;

/** PS3.8 Table 9-18, Result/Reason. */
const ACCEPTANCE = 0;
const ABSTRACT_SYNTAX_NOT_SUPPORTED = 3;
const TRANSFER_SYNTAXES_NOT_SUPPORTED = 4;
