// Where the bytes come from: the files named, one after another, or standard input.

import { createReadStream } from "node:fs";
import { access, constants, open, stat } from "node:fs/promises";
import { UsageFault } from "./arguments.ts";
import { printable } from "./output.ts";
import type { TemporaryChunks } from "./temporary-chunks.ts";

export interface Source {
  readonly name: string;
  /** Opened when it is read. */
  readonly chunks: () => AsyncIterable<Uint8Array>;
}

const CHUNK_BYTES = 256 * 1024;
/** No recording begins so. */
const GZIP = [0x1f, 0x8b] as const;

/** Rejects where a file cannot be read: a slip in the last name costs no run. */
export async function openSources(
  paths: readonly string[],
  stdin: () => AsyncIterable<Uint8Array>,
): Promise<{ sources: Source[]; totalBytes: number | null }> {
  if (paths.length === 0) {
    const name = "standard input";
    return { sources: [{ name, chunks: () => unpacked(name, stdin()) }], totalBytes: null };
  }
  let totalBytes: number | null = 0;
  for (const path of paths) {
    await access(path, constants.R_OK);
    const file = await stat(path);
    if (file.isDirectory()) {
      throw new UsageFault(printable(`${path} is a folder: name the recordings in it.`));
    }
    if (file.isFile()) refusePacked(path, await firstBytes(path));
    totalBytes = file.isFile() && totalBytes !== null ? totalBytes + file.size : null;
  }
  const sources = paths.map((name): Source => {
    const read = () => createReadStream(name, { highWaterMark: CHUNK_BYTES });
    return { name, chunks: () => unpacked(name, read()) };
  });
  return { sources, totalBytes };
}

/** In one sentence, where every line of it would be refused. */
function refusePacked(name: string, bytes: ArrayLike<number>): void {
  if (bytes[0] !== GZIP[0] || bytes[1] !== GZIP[1]) return;
  const way = "gunzip -c FILE | millrace run PLAN.json";
  throw new UsageFault(printable(`${name} is gzip: unpack it on the way, ${way}`));
}

async function firstBytes(path: string): Promise<Uint8Array> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(new Uint8Array(GZIP.length));
  return buffer.subarray(0, bytesRead);
}

async function* unpacked(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  // A pipe may give one byte at first.
  const begun: number[] = [];
  for await (const chunk of chunks) {
    const wanted = GZIP.length - begun.length;
    if (wanted > 0) begun.push(...chunk.subarray(0, wanted));
    if (wanted > 0) refusePacked(name, begun);
    yield chunk;
  }
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
