/** Counters and gauges by name; main gives rooms something that records them. Names follow Prometheus. */
export type Labels = Readonly<Record<string, string>>;

export type Metrics = {
  count(name: string, labels?: Labels, by?: number): void;
  gauge(name: string, value: number, labels?: Labels): void;
  /** Seconds. */
  observe(name: string, seconds: number, labels?: Labels): void;
};
