/** TX and FT to string (HL7 v2.5.1 §2.A.31, §2.A.78): all repetitions, a line each, not cut at separators that senders forget to escape. */
import { textOf } from './components.ts';
import type { Datatype } from './datatype.ts';

export const TX_STRING: Datatype<string> = ({ segment, field }) => {
  const text = textOf(segment, field);
  return text === '' ? [] : [text];
};
