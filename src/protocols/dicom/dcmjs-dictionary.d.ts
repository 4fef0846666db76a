/** dcmjs ships its data dictionary (PS3.6) without types. */
declare module 'dcmjs/dictionary' {
  export const dictionary: Readonly<Record<string, { readonly tag: string; readonly vr?: string; readonly name: string }>>;
}
