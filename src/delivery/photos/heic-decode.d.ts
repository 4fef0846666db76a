declare module 'heic-decode' {
  /** RGBA, eight bits each, turned upright. */
  export default function decode(input: { buffer: Uint8Array }): Promise<{ width: number; height: number; data: Uint8ClampedArray }>;
}
