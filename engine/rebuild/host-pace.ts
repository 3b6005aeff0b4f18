// The pace of a host: slices of at most 10 ms, mostly 5, each ended by a turn of the event loop, so
// that calls, timers and the events of a Durable Object come between. A piece takes about 2 ms.
//
// In a Durable Object the clock stands still while code runs: there a slice is a number of entries.

import type { Breathe } from "../store/steps.ts";
import { byBytes, type Pace } from "./pace.ts";

const SLICE_MS = 10;
/** So early one ends: what no piece foresaw, as a collection of garbage, comes on top. */
const AIM_MS = 5;
const PIECE_MS = 2;
const PIECE_ENTRIES_FIRST = 128;
const PIECE_ENTRIES_MOST = 4096;
/** How much of the longest piece of late is expected of the next one. */
const LONGEST_LEFT = 31 / 32;
/** A slice of so many by a clock that has not moved. */
const BLIND_ENTRIES = 2048;

export class HostPace implements Pace {
  #entries = PIECE_ENTRIES_FIRST;
  /** When the slice at hand began, and the piece. */
  #sliceMs = performance.now();
  #pieceMs = this.#sliceMs;
  #count = 0;
  /** A store may put its file in order with some writes, which then take thrice as long. */
  #longestMs = 0;

  get entries(): number {
    return this.#entries;
  }

  worked(entries: number, what?: "piece"): void | Promise<void> {
    const now = performance.now();
    const pieceMs = now - this.#pieceMs;
    this.#count += entries;
    this.#pieceMs = now;
    if (what === "piece" && entries >= this.#entries) this.#fit(pieceMs);
    this.#longestMs = Math.max(Math.min(pieceMs, SLICE_MS), this.#longestMs * LONGEST_LEFT);
    const sliceMs = now - this.#sliceMs;
    const isBlind = sliceMs === 0 && this.#count >= BLIND_ENTRIES;
    const isLong = sliceMs + PIECE_MS > AIM_MS || sliceMs + this.#longestMs > SLICE_MS;
    if (isBlind || isLong) return this.#pause();
  }

  #fit(pieceMs: number): void {
    const fitting = Math.round((this.#entries * PIECE_MS) / Math.max(pieceMs, PIECE_MS / 2));
    this.#entries = Math.min(Math.max(1, fitting), PIECE_ENTRIES_MOST);
  }

  async #pause(): Promise<void> {
    await eventLoop();
    this.#sliceMs = this.#pieceMs = performance.now();
    this.#count = 0;
  }
}

/** For work of its own, told in bytes. */
export function hostBreathe(): Breathe {
  const pace = new HostPace();
  return byBytes((entries) => pace.worked(entries));
}

/** Resolves when what waits in the event loop has had its turn. */
function eventLoop(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const isWorkerd = globalThis.navigator?.userAgent === "Cloudflare-Workers";
  if (isWorkerd || typeof MessageChannel === "undefined") {
    setTimeout(resolve, 0);
  } else if (typeof setImmediate === "function") {
    setImmediate(resolve);
  } else {
    // Timers of a page are held up, and more so when it is hidden.
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener("message", () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(null);
  }
  return promise;
}
