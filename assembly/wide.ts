// Numbers wider than the machine's, for variance.ts: integers of 256 bits, four u64 words from the
// lowest; and sums of two doubles, the second below half an ulp of the first ("double-double":
// Dekker, "A floating-point technique for extending the available precision", 1971; Knuth's
// two-sum), about 106 bits. WebAssembly rounds each operation once, so the results are the same
// everywhere.
//
// A function's wide result stands in `high` and `low` until the next call.

/** Of `multiply`: the product's two words. */
export let productLow: u64 = 0;
export let productHigh: u64 = 0;

export function multiply(a: u64, b: u64): void {
  const a0 = a & 0xffffffff;
  const a1 = a >> 32;
  const b0 = b & 0xffffffff;
  const b1 = b >> 32;
  const middle = a1 * b0 + ((a0 * b0) >> 32);
  const other = a0 * b1 + (middle & 0xffffffff);
  productLow = a * b;
  productHigh = a1 * b1 + (middle >> 32) + (other >> 32);
}

/** Adds `word` × 2^(64 `place`) to the 256-bit integer at `at`, modulo 2^256. */
export function addWord(at: usize, place: usize, word: u64): void {
  let carry = word;
  for (let i = place; i < 4 && carry != 0; i++) {
    const before = load<u64>(at + (i << 3));
    const after = before + carry;
    store<u64>(at + (i << 3), after);
    carry = after < before ? 1 : 0;
  }
}

/** Adds a × b × 2^(64 `place`). */
export function addProduct(at: usize, place: usize, a: u64, b: u64): void {
  multiply(a, b);
  addWord(at, place, productLow);
  addWord(at, place + 1, productHigh);
}

/** Subtracts the integer at `other`, which is not greater. */
export function subtractWide(at: usize, other: usize): void {
  let borrow: u64 = 0;
  for (let i: usize = 0; i < 32; i += 8) {
    const a = load<u64>(at + i);
    const b = load<u64>(other + i);
    store<u64>(at + i, a - b - borrow);
    borrow = a < b || (a == b && borrow != 0) ? 1 : 0;
  }
}

/** Moves the top bit of the integer, which is not 0, to the very top; by how many bits. */
export function normalize(at: usize): i32 {
  let moved = 0;
  while (load<u64>(at, 24) == 0) {
    memory.copy(at + 8, at, 24);
    store<u64>(at, 0);
    moved += 64;
  }
  const bits = <u64>clz(load<u64>(at, 24));
  if (bits == 0) return moved;
  for (let i: usize = 24; i > 0; i -= 8) {
    const word = (load<u64>(at + i) << bits) | (load<u64>(at + i - 8) >> (64 - bits));
    store<u64>(at + i, word);
  }
  store<u64>(at, load<u64>(at) << bits);
  return moved + <i32>bits;
}

// ── sums of two doubles ────────────────────────────────────────────────────────────────────────

export let high: f64 = 0;
export let low: f64 = 0;

@inline
function quickSum(a: f64, b: f64): void {
  high = a + b;
  low = b - (high - a);
}

/** (a, b) + (c, d) */
export function addDouble(a: f64, b: f64, c: f64, d: f64): void {
  const sum = a + c;
  const part = sum - a;
  const lost = a - (sum - part) + (c - part);
  const small = b + d;
  const smallPart = small - b;
  const smallLost = b - (small - smallPart) + (d - smallPart);
  quickSum(sum, lost + small);
  quickSum(high, low + smallLost);
}

/** a × b, exactly; neither above 2^995. */
export function multiplyExact(a: f64, b: f64): void {
  const product = a * b;
  const aSplit = a * 134217729;
  const aHigh = aSplit - (aSplit - a);
  const aLow = a - aHigh;
  const bSplit = b * 134217729;
  const bHigh = bSplit - (bSplit - b);
  const bLow = b - bHigh;
  high = product;
  low = aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow;
}

/** (a, b) × (c, d) */
export function multiplyDouble(a: f64, b: f64, c: f64, d: f64): void {
  multiplyExact(a, c);
  quickSum(high, low + (a * d + b * c));
}

/** (a, b) / c */
export function divideDouble(a: f64, b: f64, c: f64): void {
  const first = a / c;
  multiplyExact(first, c);
  const rest = a - high - low + b;
  quickSum(first, rest / c);
}

/** The integer of so many words at `at`, rounded to two doubles. */
export function readWords(at: usize, words: usize): void {
  high = 0;
  low = 0;
  for (let i = words << 1; i > 0; i--) {
    multiplyDouble(high, low, 4294967296, 0);
    addDouble(high, low, load<u32>(at + ((i - 1) << 2)), 0);
  }
}

/** 2^exponent; 0 or Infinity beyond the doubles. */
export function power(exponent: i32): f64 {
  if (exponent > 1023) return Infinity;
  if (exponent >= -1022) return reinterpret<f64>(<u64>(exponent + 1023) << 52);
  return exponent < -1074 ? 0 : reinterpret<f64>((<u64>1) << (exponent + 1074));
}
