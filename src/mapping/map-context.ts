/** What a message mapping is told beside the message. */
import type { Entry } from '../model/entry.ts';
import type { Failure } from '../model/failure.ts';
import type { Mapped } from '../model/mapped.ts';
import type { Peer } from '../model/peer.ts';
import type { Hl7Message } from '../protocols/hl7v2/message.ts';

/** What mapping reads of a journal entry. */
export type MessageEntry = Pick<Entry, 'peer' | 'type' | 'controlId' | 'digest' | 'payload' | 'received'>;

export type MapContext = { readonly entry: MessageEntry; readonly peer: Peer };

export type MessageMapper = (message: Hl7Message, context: MapContext) => Mapped | Failure;
