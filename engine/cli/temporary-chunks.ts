// Chunks of bytes kept for one run. What comes first stays in memory; what is more goes into a
// temporary file without a name, so that gigabytes pass and nothing is left behind, however the run
// ends.

import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exactBytes } from "../store/chunk.ts";

const MEMORY_BYTES = 128 * 1024 * 1024;

export class TemporaryChunks {
  readonly #memoryBytes: number;
  /** The chunks in memory, in use up to `#memoryBytes`. */
  readonly #chunks: Uint8Array[] = [];
  #usedBytes = 0;
  /** Where the chunks of the file end in it. */
  readonly #fileEnds: number[] = [];
  #file: number | null = null;

  constructor(memoryBytes = MEMORY_BYTES) {
    this.#memoryBytes = memoryBytes;
  }

  get count(): number {
    return this.#chunks.length + this.#fileEnds.length;
  }

  add(chunk: Uint8Array): void {
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

  at(index: number): Uint8Array {
    return this.#chunks[index] ?? this.#readFile(index - this.#chunks.length);
  }

  #readFile(index: number): Uint8Array {
    const start = index === 0 ? 0 : this.#fileEnds[index - 1]!;
    const chunk = new Uint8Array(this.#fileEnds[index]! - start);
    for (let at = 0; at < chunk.length;) {
      const read = readSync(this.#file!, chunk, at, chunk.length - at, start + at);
      if (read === 0) throw new Error("The temporary file is shorter than what was written to it.");
      at += read;
    }
    return chunk;
  }

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
