// UTF-8 of the scan, checked by sixteen bytes at once (Keiser, Lemire: "Validating UTF-8 in less
// than one instruction per byte", 2021): three looks into tables, by the high and the low half of a
// byte and by the high half of the one behind it, say which errors each of them allows, a bit each;
// what all three allow is there. That a third or fourth byte continues is checked beside.

const QUOTES: usize = memory.data<u64>([0x2222222222222222, 0x2222222222222222]);
const BACKSLASHES: usize = memory.data<u64>([0x5c5c5c5c5c5c5c5c, 0x5c5c5c5c5c5c5c5c]);
const CONTROLS: usize = memory.data<u64>([0x1f1f1f1f1f1f1f1f, 0x1f1f1f1f1f1f1f1f]);

/** Sixteen bytes that are kept, then sixteen that are not. */
const KEPT: usize = memory.data<u64>([u64.MAX_VALUE, u64.MAX_VALUE, 0, 0]);

// Bits: too short 01, too long 02, overlong of three 04, too large 08, surrogate 10, overlong of
// two 20, overlong of four or too large by far 40, two continuations 80.
const BY_FIRST_HIGH: usize = memory.data<u8>([
  0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x80, 0x80, 0x80, 0x80, 0x21, 0x01, 0x15, 0x49,
]);
const BY_FIRST_LOW: usize = memory.data<u8>([
  0xe7, 0xa3, 0x83, 0x83, 0x8b, 0xcb, 0xcb, 0xcb, 0xcb, 0xcb, 0xcb, 0xcb, 0xcb, 0xdb, 0xcb, 0xcb,
]);
const BY_SECOND_HIGH: usize = memory.data<u8>([
  0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0xe6, 0xae, 0xba, 0xba, 0x01, 0x01, 0x01, 0x01,
]);

// For each byte of `v` the one before it, the one before that, and the one before that.

@inline
function oneBack(before: v128, v: v128): v128 {
  return i8x16.shuffle(before, v, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
}

@inline
function twoBack(before: v128, v: v128): v128 {
  return i8x16.shuffle(before, v, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
}

@inline
function threeBack(before: v128, v: v128): v128 {
  return i8x16.shuffle(before, v, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28);
}

/** Not zero where `v`, behind `before`, is wrong; what it ends with may be unfinished. */
@inline
function errorsOf(before: v128, v: v128): v128 {
  const first = oneBack(before, v);
  const high = i8x16.swizzle(v128.load(BY_FIRST_HIGH), i8x16.shr_u(first, 4));
  const low = i8x16.swizzle(v128.load(BY_FIRST_LOW), v128.and(first, i8x16.splat(15)));
  const second = i8x16.swizzle(v128.load(BY_SECOND_HIGH), i8x16.shr_u(v, 4));
  const third = i8x16.sub_sat_u(twoBack(before, v), i8x16.splat(0x60));
  const fourth = i8x16.sub_sat_u(threeBack(before, v), i8x16.splat(0x70));
  const continues = v128.and(v128.or(third, fourth), i8x16.splat(<i8>0x80));
  return v128.xor(continues, v128.and(v128.and(high, low), second));
}

/** A bit for each byte that is a quote, a backslash or a control. */
@inline
function endsOf(v: v128): i32 {
  const marks = v128.or(
    i8x16.eq(v, v128.load(QUOTES)),
    i8x16.eq(v, v128.load(BACKSLASHES)),
  );
  return i8x16.bitmask(v128.or(marks, i8x16.le_u(v, v128.load(CONTROLS))));
}

/**
 * The first byte from `p` that is a quote, a backslash or a control; 0 where what is before it is
 * no UTF-8. A character begins at `p`. Two times sixteen bytes are looked at in one round, since
 * most strings end within them, and a branch that nobody foresees costs more than to look at them.
 */
export function charactersEnd(p: usize): usize {
  let before = i8x16.splat(0);
  let errors = i8x16.splat(0);
  while (true) {
    let one = v128.load(p);
    let two = v128.load(p, 16);
    const ends = endsOf(one) | (endsOf(two) << 16);
    const bytes = ctz(ends);
    // The byte that ends is kept: before it no character may be unfinished.
    const kept = bytes + 1;
    one = v128.and(one, v128.load(KEPT + 16 - min(kept, 16)));
    two = v128.and(two, v128.load(KEPT + 32 - max(min(kept, 32), 16)));
    errors = v128.or(errors, v128.or(errorsOf(before, one), errorsOf(one, two)));
    if (ends) return v128.any_true(errors) ? 0 : p + bytes;
    before = two;
    p += 32;
  }
}
