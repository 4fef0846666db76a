/** A Door: a listening socket. `address` is what the start prints, e.g. `mllp 127.0.0.1:2575`. */
export type Door = {
  readonly address: string;
  /** The port really bound (configuration may say 0). */
  readonly port: number;
  /** Takes no more, finishes what was begun, at most `graceMs`. */
  stop(graceMs: number): Promise<void>;
};
