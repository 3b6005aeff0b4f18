// The log of one run: a store that ends with it. What comes first stays in memory; a run that is
// longer goes on in a temporary file without a name, so that gigabytes pass and nothing is left
// behind, however the run ends. The engine reads it where an identity comes back with other bytes.

import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkAppend, exactBytes, hasWrite } from "../store/chunk.ts";
import type { Append, Store } from "../store/store.ts";

const MEMORY_BYTES = 128 * 1024 * 1024;

export class TemporaryLog implements Store {
  readonly storage = "memory";
  readonly #memoryBytes: number;
  /** The chunks in memory, in use up to `#memoryBytes`. */
  readonly #chunks: Uint8Array[] = [];
  #usedBytes = 0;
  /** The first position of every chunk, and where those of the file end in it. */
  readonly #starts: number[] = [];
  readonly #fileEnds: number[] = [];
  #endPosition = 0;
  #file: number | null = null;

  constructor(memoryBytes = MEMORY_BYTES) {
    this.#memoryBytes = memoryBytes;
  }

  recover(): null {
    return null;
  }

  create(): void {}

  /** What is held and released is listed by the engine; nobody recovers it from here. */
  append(write: Append): void {
    checkAppend(write, this.#endPosition);
    if (write.chunk !== null) {
      this.#keep(write.chunk);
      this.#starts.push(write.firstPosition);
    }
    this.#endPosition = write.endPosition;
  }

  /** Of what has no chunk it keeps nothing. */
  hasLanded(write: Append): boolean {
    return hasWrite(write, this.#endPosition, () => false);
  }

  #keep(chunk: Uint8Array): void {
    this.#usedBytes += chunk.length;
    if (this.#file === null && this.#usedBytes <= this.#memoryBytes) {
      this.#chunks.push(exactBytes(chunk));
      return;
    }
    this.#file ??= openNameless();
    const end = (this.#fileEnds.at(-1) ?? 0) + chunk.length;
    for (let at = 0; at < chunk.length;) {
      at += writeSync(this.#file, chunk, at, chunk.length - at, end - chunk.length + at);
    }
    this.#fileEnds.push(end);
  }

  read(from: number, limitBytes: number): readonly Uint8Array[] {
    if (from >= this.#endPosition) return [];
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for (let index = this.#chunkOf(from); index < this.#starts.length; index++) {
      if (chunks.length > 0 && bytes >= limitBytes) break;
      const chunk = this.#chunks[index] ?? this.#readFile(index - this.#chunks.length);
      chunks.push(chunk);
      bytes += chunk.length;
    }
    return chunks;
  }

  #readFile(index: number): Uint8Array {
    const start = index === 0 ? 0 : this.#fileEnds[index - 1]!;
    const chunk = new Uint8Array(this.#fileEnds[index]! - start);
    for (let at = 0; at < chunk.length;) {
      const read = readSync(this.#file!, chunk, at, chunk.length - at, start + at);
      if (read === 0) throw new Error("The temporary log is shorter than what was written to it.");
      at += read;
    }
    return chunk;
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
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}

/** A file that is gone when it is closed. */
function openNameless(): number {
  const folder = mkdtempSync(join(tmpdir(), "millrace-"));
  const file = openSync(join(folder, "log"), "wx+", 0o600);
  try {
    rmSync(folder, { recursive: true });
  } catch {
    // A system that removes no open file clears its folder of temporary ones by itself.
  }
  return file;
}
