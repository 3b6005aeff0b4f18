// What a publisher needs of where it runs: the network, time, chance, a lock among tabs. Nothing is
// touched before it is called, so that importing does nothing and works without a window.

export interface Host {
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** ms since 1970. */
  now(): number;
  /** From 0 to below 1. */
  random(): number;
  /** Calls `run` once after `ms`; the answer prevents it. */
  setTimer(run: () => void, ms: number): () => void;
  /** Packs bytes, or gives them back as they are. */
  gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** Runs `work` while nobody else runs under this name; rejects if `signal` aborts the wait. */
  lock(name: string, signal: AbortSignal, work: () => Promise<void>): Promise<void>;
  /** Calls `listener` whenever the network is back; the answer stops that. */
  onOnline(listener: () => void): () => void;
}

export const platform: Host = {
  fetch: (url, init) => fetch(url, init),
  now: () => Date.now(),
  random: Math.random,
  setTimer(run, ms) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  async gzip(bytes) {
    const packed = new Response(bytes).body!.pipeThrough(new CompressionStream("gzip"));
    return new Uint8Array(await new Response(packed).arrayBuffer());
  },
  async lock(name, signal, work) {
    // Pages that are not served securely have none.
    const locks = (globalThis.navigator as Partial<Navigator> | undefined)?.locks;
    await (locks ? locks.request(name, { signal }, work) : work());
  },
  onOnline(listener) {
    // Where there is no window nothing tells.
    const scope: Partial<Pick<Window, "addEventListener" | "removeEventListener">> = globalThis;
    scope.addEventListener?.("online", listener);
    return () => scope.removeEventListener?.("online", listener);
  },
};
