declare module 'heic-decode' {
  /** RGBA, eight bits each, turned upright. */
  type Decoded = { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray<ArrayBuffer> };
  type Undecoded = Pick<Decoded, 'width' | 'height'> & { decode(): Promise<Decoded> };
  const heic: { all(input: { buffer: Uint8Array }): Promise<readonly Undecoded[]> };
  export default heic;
}
