declare module "#core-wasm" {
  /** The compiled core, as the host at hand loads it (package.json, "imports"). */
  export default function load(): WebAssembly.Module | Promise<WebAssembly.Module>;
}
