// What a kill left of the files to which Chromium's LevelDB appends: journals, with what an origin's
// databases hold, and manifests. Their format: blocks of 32 KiB; in them pieces, each with 4 bytes of
// checksum, 2 of length, 1 of kind; a record is one whole piece, or a first, middle ones and a last.
//
// Two writes of the system make one piece, so a kill can fall between. A file that ends in the midst
// of a record is read as if that were not there, but written on behind it; then it is broken.

import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";

export const BLOCK_BYTES = 32_768;
export const HEADER_BYTES = 7;
const [WHOLE, FIRST, LAST] = [1, 2, 4];

export interface Journal {
  readonly file: string;
  readonly records: number;
  /** It ends in the midst of a record. */
  readonly isTorn: boolean;
  /** Where there is no record in its midst; Chromium deletes all databases over it. */
  readonly brokenAt: number | null;
}

/** Journals in the order in which they were begun, then manifests. */
export async function journalsIn(databases: string): Promise<Journal[]> {
  const names = (await readdir(databases)).toSorted();
  const files = names.filter((file) => file.endsWith(".log") || file.startsWith("MANIFEST"));
  return Promise.all(files.map((file) => journalAt(join(databases, file))));
}

export async function journalAt(path: string): Promise<Journal> {
  return { file: basename(path), ...read(await readFile(path)) };
}

function read(bytes: Buffer): Omit<Journal, "file"> {
  let records = 0;
  let isWithin = false;
  for (let at = 0; at < bytes.length;) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEADER_BYTES) {
      at += left;
      continue;
    }
    const end = at + HEADER_BYTES;
    if (end > bytes.length) return { records, isTorn: true, brokenAt: null };
    const length = bytes.readUInt16LE(at + 4);
    const kind = bytes[at + 6]!;
    const isStart = kind === WHOLE || kind === FIRST;
    const isPiece = kind >= WHOLE && kind <= LAST && HEADER_BYTES + length <= left;
    if (!isPiece || isStart === isWithin) return { records, isTorn: false, brokenAt: at };
    if (end + length > bytes.length) return { records, isTorn: true, brokenAt: null };
    const sum = sumOf(bytes.subarray(at + 6, end + length));
    if (bytes.readUInt32LE(at) !== sum) return { records, isTorn: false, brokenAt: at };
    isWithin = kind !== WHOLE && kind !== LAST;
    if (!isWithin) records++;
    at = end + length;
  }
  return { records, isTorn: isWithin, brokenAt: null };
}

/** CRC-32C, turned and moved, so that one of sums is not its own. */
function sumOf(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? 0x82f63b78 : 0);
  }
  const crc = ~rest;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
