/**
 * One association of the DICOM Upper Layer, without its socket (PS3.8 §9.2): bytes and local wishes go in, and by the state table
 * PDUs go out, the timer is set, the transport is closed and the local user hears what the peer said.
 * Both the listener and the client run on it. Promises: no PDU reaches the user in a state where the table forbids it,
 * and after the first invalid byte nothing of that stream is believed.
 */
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { type AssociationEvent, type Effect, type State, stepOf } from './association-table.ts';
import { type AssociateAc, type AssociateRj, type AssociateRq, decodePdu, encodePdu, type PData, type Pdu, type Release } from './pdu.ts';
import { pduSplitter } from './pdu-splitter.ts';
import { abortReasonOf } from './status.ts';

/** What the socket's owner does for the association. */
export type Transport = {
  connect(): void;
  /** Resolves when the peer has room again. */
  send(bytes: Buffer): Promise<void>;
  close(): void;
  startArtim(): void;
  stopArtim(): void;
};

/** The association ended without a PDU of the peer saying so; `why` is for the log. */
export type ProviderAbort = { readonly type: 'A-P-ABORT'; readonly why: string };
export type Indication = Pdu | ProviderAbort;

export type UpperLayer = {
  readonly state: State;
  /** Bytes from the peer, in order; the next call waits for this one's promise. */
  received(bytes: Buffer): Promise<void>;
  /** A primitive of the local user; dropped where the association is no longer in a state for it. */
  send(pdu: AssociateAc | AssociateRj | PData | Release): Promise<void>;
  /** Requestor: asks for the transport; the A-ASSOCIATE-RQ goes out when `connected` is called. */
  request(): Promise<void>;
  connected(rq?: AssociateRq): Promise<void>;
  abort(): Promise<void>;
  closed(): Promise<void>;
  artimExpired(): Promise<void>;
};

/** `maxPDataBytes`: what we advertised, and hold the peer to. `indicate` is awaited before the next PDU is looked at: that is the back-pressure. */
export function upperLayer(
  role: 'requestor' | 'acceptor',
  maxPDataBytes: number,
  transport: Transport,
  indicate: (indication: Indication) => Promise<void>,
): UpperLayer {
  const splitter = pduSplitter(maxPDataBytes);
  let state: State = 'Sta1';

  const fire = async (event: AssociationEvent, subject?: Pdu | Failure): Promise<void> => {
    const step = stepOf(state, event, role === 'requestor');
    if (!step) return;
    const problem = isFailure(subject) ? subject : failure('dicom', 'conflict', `${event} in ${state}`);
    state = step.next;
    for (const effect of step.effects) await perform(effect, isFailure(subject) ? undefined : subject, problem);
  };

  const perform = (effect: Effect, pdu: Pdu | undefined, problem: Failure): Promise<void> | void => {
    switch (effect) {
      case 'connect':
        return transport.connect();
      case 'send':
        return transport.send(encodePdu(pdu as Pdu));
      case 'send A-ABORT as service-user':
        return transport.send(encodePdu({ type: 'A-ABORT', source: 0, reason: 0 }));
      case 'send A-ABORT as service-provider':
        return transport.send(encodePdu({ type: 'A-ABORT', source: 2, reason: abortReasonOf(problem) }));
      case 'indicate':
        return indicate(pdu as Pdu);
      case 'indicate A-P-ABORT':
        return indicate({ type: 'A-P-ABORT', why: problem.detail });
      case 'start ARTIM':
        return transport.startArtim();
      case 'stop ARTIM':
        return transport.stopArtim();
      case 'close':
        return transport.close();
    }
  };

  return {
    get state() {
      return state;
    },
    received: async (bytes) => {
      for (const raw of splitter.push(bytes)) {
        const pdu = 'body' in raw ? decodePdu(raw.type, raw.body) : raw;
        await fire(isFailure(pdu) ? 'invalid PDU' : pdu.type, pdu);
      }
    },
    send: (pdu) => fire(LOCAL_EVENT[pdu.type], pdu),
    request: () => fire('associate request'),
    connected: (rq) => fire(role === 'requestor' ? 'transport connected' : 'transport indicated', rq),
    abort: () => fire('abort request'),
    closed: () => fire('transport closed'),
    artimExpired: () => fire('ARTIM expired'),
  };
}

type Draining = {
  on(event: 'drain' | 'close', listener: () => void): Draining;
  off(event: 'drain' | 'close', listener: () => void): Draining;
};

/** For a Transport whose socket is full: resolves when the peer has room again, or is gone. */
export function drained(socket: Draining): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}

/** The primitive by which the local user has a PDU sent. */
const LOCAL_EVENT = {
  'A-ASSOCIATE-AC': 'associate accept',
  'A-ASSOCIATE-RJ': 'associate reject',
  'P-DATA-TF': 'data request',
  'A-RELEASE-RQ': 'release request',
  'A-RELEASE-RP': 'release response',
} as const satisfies Record<string, AssociationEvent>;
