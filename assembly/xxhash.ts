// XXH64, seed 0 (Collet: "xxHash fast digest algorithm", specification 0.1.1, section "XXH64"), of
// bytes that come in pieces. The one published hash of the sketches: partials of different
// restaurants merge because all of them hash alike.
//
//   buffer:  ┌──────────────┬────┄      bytes are gathered here and absorbed 32 at a time, so what
//            │ gathered     │           fits in it (nearly every value) is hashed in one go
//            └──────────────┴────┄
//
// Example: XXH64 of the five bytes "abc", quotes and all, is 0xb1eecd3f6492c244.

const BUFFER_BYTES: usize = 1024;
/** A short copy by 16 bytes at once writes behind its end: 32 spare bytes. */
const buffer: usize = memory.data(1056, 16);

const P1: u64 = 0x9e3779b185ebca87;
const P2: u64 = 0xc2b2ae3d27d4eb4f;
const P3: u64 = 0x165667b19e3779f9;
const P4: u64 = 0x85ebca77c2b2ae63;
const P5: u64 = 0x27d4eb2f165667c5;

let used: usize = 0;
/** Bytes absorbed before those in the buffer. */
let absorbed: u64 = 0;
let a1: u64 = 0;
let a2: u64 = 0;
let a3: u64 = 0;
let a4: u64 = 0;

@inline
function round(lane: u64, word: u64): u64 {
  return rotl(lane + word * P2, 31) * P1;
}

@inline
function mergeRound(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * P1 + P4;
}

export function beginHash(): void {
  used = 0;
  absorbed = 0;
}

/** Absorbs whole stripes of 32 bytes at the buffer's start; what is left moves to it. */
function absorb(): void {
  if (absorbed == 0) {
    a1 = P1 + P2;
    a2 = P2;
    a3 = 0;
    a4 = 0 - P1;
  }
  const end = buffer + (used & ~31);
  for (let p = buffer; p < end; p += 32) {
    a1 = round(a1, load<u64>(p));
    a2 = round(a2, load<u64>(p, 8));
    a3 = round(a3, load<u64>(p, 16));
    a4 = round(a4, load<u64>(p, 24));
  }
  absorbed += <u64>(end - buffer);
  used &= 31;
  const last = v128.load(end, 16);
  v128.store(buffer, v128.load(end));
  v128.store(buffer, last, 16);
}

export function hashByte(byte: u32): void {
  if (used == BUFFER_BYTES) absorb();
  store<u8>(buffer + used, byte);
  used++;
}

export function hashRun(p: usize, n: usize): void {
  while (n > BUFFER_BYTES - used) {
    const part = BUFFER_BYTES - used;
    memory.copy(buffer + used, p, part);
    used = BUFFER_BYTES;
    absorb();
    p += part;
    n -= part;
  }
  // Most runs are short, and for those the call of memory.copy costs more than the bytes.
  if (n <= 64) {
    for (let i: usize = 0; i < n; i += 16) v128.store(buffer + used + i, v128.load(p + i));
  } else memory.copy(buffer + used, p, n);
  used += n;
}

/** A string of so many bytes at most, in quotes, needs no stripes. */
export const SHORT_BYTES: usize = 29;

/** The hash of the `n` bytes at `p` in quotes. Behind them there is more to be read. */
export function hashQuoted(p: usize, n: usize): u64 {
  let left = <u64>n + 2;
  let hash = P5 + left;
  let word = (load<u64>(p) << 8) | 34;
  for (p += 7; ; p += 8) {
    // The last byte is the other quote.
    const last = (left - 1) << 3;
    if (left <= 8) word = (word & ((<u64>1 << last) - 1)) | (<u64>34 << last);
    if (left < 8) break;
    hash = rotl(hash ^ round(0, word), 27) * P1 + P4;
    word = load<u64>(p);
    left -= 8;
  }
  if (left >= 4) {
    hash = rotl(hash ^ (<u64>(<u32>word) * P1), 23) * P2 + P3;
    word >>= 32;
    left -= 4;
  }
  for (; left > 0; left--, word >>= 8) hash = rotl(hash ^ ((word & 255) * P5), 11) * P1;
  return avalanche(hash);
}

@inline
function avalanche(hash: u64): u64 {
  hash = (hash ^ (hash >> 33)) * P2;
  hash = (hash ^ (hash >> 29)) * P3;
  return hash ^ (hash >> 32);
}

/** The hash of all that came since `beginHash`. */
export function endHash(): u64 {
  const total = absorbed + <u64>used;
  let hash = P5;
  if (total >= 32) {
    absorb();
    hash = rotl(a1, 1) + rotl(a2, 7) + rotl(a3, 12) + rotl(a4, 18);
    hash = mergeRound(mergeRound(mergeRound(mergeRound(hash, a1), a2), a3), a4);
  }
  hash += total;
  let p = buffer;
  const end = buffer + used;
  for (; p + 8 <= end; p += 8) hash = rotl(hash ^ round(0, load<u64>(p)), 27) * P1 + P4;
  if (p + 4 <= end) {
    hash = rotl(hash ^ (<u64>load<u32>(p) * P1), 23) * P2 + P3;
    p += 4;
  }
  for (; p < end; p++) hash = rotl(hash ^ (<u64>load<u8>(p) * P5), 11) * P1;
  return avalanche(hash);
}
