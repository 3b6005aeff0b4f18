// Where the bytes come from: the files named, one after another, or standard input.

import { createReadStream } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import type { TemporaryChunks } from "./temporary-chunks.ts";

export interface Source {
  readonly name: string;
  /** Opened when it is read. */
  readonly chunks: () => AsyncIterable<Uint8Array>;
}

const CHUNK_BYTES = 256 * 1024;

/** Rejects where a file cannot be read: a slip in the last name costs no run. */
export async function openSources(
  paths: readonly string[],
  stdin: () => AsyncIterable<Uint8Array>,
): Promise<{ sources: Source[]; totalBytes: number | null }> {
  if (paths.length === 0) {
    return { sources: [{ name: "standard input", chunks: stdin }], totalBytes: null };
  }
  let totalBytes: number | null = 0;
  for (const path of paths) {
    await access(path, constants.R_OK);
    const file = await stat(path);
    totalBytes = file.isFile() && totalBytes !== null ? totalBytes + file.size : null;
  }
  const sources = paths.map((path) => {
    return { name: path, chunks: () => createReadStream(path, { highWaterMark: CHUNK_BYTES }) };
  });
  return { sources, totalBytes };
}

/** The same, to be read as often as one likes: what may be a stream is read once, into `kept`. */
export async function keepSources(
  sources: readonly Source[],
  kept: TemporaryChunks,
): Promise<Source[]> {
  const again: Source[] = [];
  for (const { name, chunks } of sources) {
    const from = kept.count;
    for await (const chunk of chunks()) kept.add(chunk);
    const to = kept.count;
    again.push({
      name,
      chunks: async function* () {
        for (let index = from; index < to; index++) yield kept.at(index);
      },
    });
  }
  return again;
}
