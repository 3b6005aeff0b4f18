// The one call of node:zlib that the Worker makes; all of @types/node would clash with the types of
// Workers.
declare module "node:zlib" {
  /** Throws a RangeError when more than `maxOutputLength` bytes come out. */
  export function gunzipSync(
    bytes: Uint8Array,
    options: { readonly maxOutputLength: number },
  ): Uint8Array;
}
