// The log of one run: a store that ends with it. What comes first stays in memory; a run that is
// longer goes on in a file (temporary-chunks.ts). The engine reads it where an identity comes back
// with other bytes.

import { checkAppend, hasWrite } from "../store/chunk.ts";
import type { Append, Store } from "../store/store.ts";
import { TemporaryChunks } from "./temporary-chunks.ts";

export class TemporaryLog implements Store {
  readonly storage = "memory";
  readonly #chunks: TemporaryChunks;
  /** The first position of every chunk. */
  readonly #starts: number[] = [];
  #endPosition = 0;

  constructor(memoryBytes?: number) {
    this.#chunks = new TemporaryChunks(memoryBytes);
  }

  recover(): null {
    return null;
  }

  create(): void {}

  /** What is held and released is listed by the engine; nobody recovers it from here. */
  append(write: Append): void {
    checkAppend(write, this.#endPosition);
    if (write.chunk !== null) {
      this.#chunks.add(write.chunk);
      this.#starts.push(write.firstPosition);
    }
    this.#endPosition = write.endPosition;
  }

  /** Of what has no chunk it keeps nothing. */
  hasLanded(write: Append): boolean {
    return hasWrite(write, this.#endPosition, () => false);
  }

  read(from: number, limitBytes: number): readonly Uint8Array[] {
    if (from >= this.#endPosition) return [];
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for (let index = this.#chunkOf(from); index < this.#starts.length; index++) {
      if (chunks.length > 0 && bytes >= limitBytes) break;
      const chunk = this.#chunks.at(index);
      chunks.push(chunk);
      bytes += chunk.length;
    }
    return chunks;
  }

  /** The index of the last chunk that begins at `position` or before it. */
  #chunkOf(position: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= position) low = middle;
      else high = middle;
    }
    return low;
  }

  /** Nothing is kept longer than the run. */
  trim(): void {}

  /** Nobody asks for the chain of a log that ends with the run. */
  seal(): void {}

  /** Nobody opens this log again. */
  saveSnapshot(): void {}

  close(): void {
    this.#chunks.close();
  }
}
