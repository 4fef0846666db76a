/**
 * Puts a command set together from its fragments (PS3.8 Annex E): one presentation context, one bounded command, then its dataset.
 * In: PDVs that carry command. Out: the command when its last fragment is here, null before, a Failure for a peer that left the rules.
 */
import { type Failure, failure } from '../../model/failure.ts';
import { type Command, decodeCommand, MAX_COMMAND_BYTES } from './command.ts';
import type { Pdv } from './pdu.ts';

/** A command comes in one fragment, or in a few where PDUs are tiny. */
const MAX_FRAGMENTS = 1024;

export class CommandAssembler {
  #fragments: Buffer[] = [];
  #bytes = 0;
  #context = 0;

  push({ context, fragment, last }: Pdv): Command | Failure | null {
    if (this.#fragments.length > 0 && context !== this.#context)
      return failure('dicom', 'malformed', 'a command on two presentation contexts');
    this.#context = context;
    this.#bytes += fragment.length;
    // A fragment is a view of its PDU: kept as it is, it would keep all of that alive.
    this.#fragments.push(Buffer.from(fragment));
    if (this.#bytes > MAX_COMMAND_BYTES || this.#fragments.length > MAX_FRAGMENTS)
      return failure('dicom', 'too-large', 'a command set without end');
    if (!last) return null;
    const command = decodeCommand(Buffer.concat(this.#fragments));
    this.#fragments = [];
    this.#bytes = 0;
    return command;
  }
}
