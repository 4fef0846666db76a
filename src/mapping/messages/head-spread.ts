/**
 * What stands before the first order or report of a message is said of each of them: notes, Z segments, software. In: the head, how many there
 * are. Out: a Failure where both are many, for their product would be written (ten thousand of each are more than the memory holds).
 */
import { type Failure, failure } from '../../model/failure.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';

const MAX_SAID = 20_000;

export function headSpread(head: readonly Segment[], groups: number): Failure | null {
  const shared = head.filter(({ name }) => name === 'NTE' || name === 'SFT' || name.startsWith('Z')).length;
  return shared * groups > MAX_SAID
    ? failure('mapping', 'too-large', `${shared} segments before the first order are of each of ${groups} orders`)
    : null;
}
