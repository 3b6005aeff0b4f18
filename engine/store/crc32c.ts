// CRC32C (Castagnoli), as in RFC 3720 appendix B.4: the polynomial 0x1edc6f41, its bits reversed.
// It finds every single flipped bit, every two, and every burst of up to 32; it is no proof against
// an adversary, for whom a chunk carries the SHA-256 of the one before it.
//
// Sixteen bytes a step, by sixteen tables ("slicing"): 0.9 GB/s in Node 24 on this machine.
// Worked example: the nine bytes "123456789" have the sum 0xe3069283.

import { viewOf } from "../event/bytes.ts";

const POLYNOMIAL_REVERSED = 0x82f63b78;
const STEP_BYTES = 16;

/** TABLES[n * 256 + byte]: what `byte` does to the sum when n more bytes follow it in the step. */
const TABLES: Int32Array = makeTables();

/** The checksum of `bytes` from `start` to `end`, as an unsigned number; `sum` continues one. */
export function crc32c(
  bytes: Uint8Array,
  start: number = 0,
  end: number = bytes.length,
  sum: number = 0,
): number {
  const t = TABLES;
  const view = viewOf(bytes);
  let crc = ~sum;
  let at = start;
  for (; at + STEP_BYTES <= end; at += STEP_BYTES) {
    const a = crc ^ view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    crc =
      t[3840 + (a & 255)]! ^
      t[3584 + ((a >>> 8) & 255)]! ^
      t[3328 + ((a >>> 16) & 255)]! ^
      t[3072 + (a >>> 24)]! ^
      t[2816 + (b & 255)]! ^
      t[2560 + ((b >>> 8) & 255)]! ^
      t[2304 + ((b >>> 16) & 255)]! ^
      t[2048 + (b >>> 24)]! ^
      t[1792 + (c & 255)]! ^
      t[1536 + ((c >>> 8) & 255)]! ^
      t[1280 + ((c >>> 16) & 255)]! ^
      t[1024 + (c >>> 24)]! ^
      t[768 + (d & 255)]! ^
      t[512 + ((d >>> 8) & 255)]! ^
      t[256 + ((d >>> 16) & 255)]! ^
      t[d >>> 24]!;
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ t[(crc ^ bytes[at]!) & 255]!;
  return ~crc >>> 0;
}

function makeTables(): Int32Array {
  const tables = new Int32Array(STEP_BYTES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL_REVERSED : 0);
    }
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const shorter = tables[at - 256]!;
    tables[at] = (shorter >>> 8) ^ tables[shorter & 255]!;
  }
  return tables;
}
