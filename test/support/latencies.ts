/** Latencies in milliseconds, all kept, and what is asked of them. */
export class Latencies {
  readonly #values: number[] = [];

  add(milliseconds: number): void {
    this.#values.push(milliseconds);
  }

  get count(): number {
    return this.#values.length;
  }

  /** The value that this share (0 to 1) of all does not exceed; NaN when there is none. */
  percentile(share: number): number {
    const sorted = this.#values.toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  }

  /** For another thread. */
  toArray(): number[] {
    return [...this.#values];
  }

  static of(values: Iterable<number>): Latencies {
    const latencies = new Latencies();
    for (const value of values) latencies.add(value);
    return latencies;
  }
}
