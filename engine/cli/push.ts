// Lines gathered into the bytes of one push, and where each of them stood.

import type { Place, RecordedLine } from "./recording.ts";

export interface Push {
  /** Each line ended by a newline; a buffer of its own, which the engine may adopt. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly places: readonly Place[];
}

const NEWLINE = 0x0a;

export class PushBuffer {
  #bytes = new Uint8Array(64 * 1024);
  #used = 0;
  #places: Place[] = [];

  get count(): number {
    return this.#places.length;
  }

  add({ bytes, place }: RecordedLine): void {
    const end = this.#used + bytes.length + 1;
    if (end > this.#bytes.length) {
      const wider = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      wider.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = wider;
    }
    this.#bytes.set(bytes, this.#used);
    this.#bytes[end - 1] = NEWLINE;
    this.#used = end;
    this.#places.push(place);
  }

  take(): Push {
    const push = { bytes: this.#bytes.slice(0, this.#used), places: this.#places };
    this.#used = 0;
    this.#places = [];
    return push;
  }
}
