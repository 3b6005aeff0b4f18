// UTF-8 of the scan. Most characters are of two or three bytes, and any bytes that continue them
// will do: 32 bytes become numbers with a bit for each byte, in which what begins a character says
// where others must continue it. A string with another character, or with a wrong one, is checked
// by sixteen bytes at once (Keiser, Lemire: "Validating UTF-8 in less than one instruction per
// byte", 2021): three looks into tables, by the high and the low half of a byte and by the high
// half of the one behind it, say which errors each of them allows, a bit each; what all three allow
// is there. That a third or fourth byte continues is checked beside.

const QUOTES: usize = memory.data<u64>([0x2222222222222222, 0x2222222222222222]);
const BACKSLASHES: usize = memory.data<u64>([0x5c5c5c5c5c5c5c5c, 0x5c5c5c5c5c5c5c5c]);
const SPACES: usize = memory.data<u64>([0x2020202020202020, 0x2020202020202020]);

/** What C2, the first that begins a character, is moved by to be the least number with a sign. */
const MOVES: usize = memory.data<u64>([0x4242424242424242, 0x4242424242424242]);
/** F0, moved so. */
const FOURS: usize = memory.data<u64>([0xaeaeaeaeaeaeaeae, 0xaeaeaeaeaeaeaeae]);
/** Behind these two not every continuation will do: some are overlong, or surrogates. */
const OVERLONGS: usize = memory.data<u64>([0xe0e0e0e0e0e0e0e0, 0xe0e0e0e0e0e0e0e0]);
const SURROGATES: usize = memory.data<u64>([0xedededededededed, 0xedededededededed]);

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

/** A bit for each of 32 bytes whose highest is set. */
@inline
function bitsOf(one: v128, two: v128): u32 {
  return <u32>i8x16.bitmask(one) | (<u32>i8x16.bitmask(two) << 16);
}

/** All ones where a byte is a quote, a backslash, a control or beyond ASCII. */
@inline
function stopsOf(v: v128): v128 {
  const marks = v128.or(i8x16.eq(v, v128.load(QUOTES)), i8x16.eq(v, v128.load(BACKSLASHES)));
  return v128.or(marks, i8x16.lt_s(v, v128.load(SPACES)));
}

/** A bit for each of 32 bytes that is a quote, a backslash or a control. */
@inline
function endsOf(one: v128, two: v128, beyond: u32): u32 {
  return bitsOf(stopsOf(one), stopsOf(two)) & ~beyond;
}

/** As `charactersEnd`, of any characters. */
function anyCharactersEnd(p: usize): usize {
  let before = i8x16.splat(0);
  let errors = i8x16.splat(0);
  while (true) {
    let one = v128.load(p);
    let two = v128.load(p, 16);
    const ends = endsOf(one, two, bitsOf(one, two));
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

/** All ones where a byte begins a character of two or three that any continuations end. */
@inline
function commonFirstsOf(v: v128): v128 {
  const firsts = i8x16.lt_s(i8x16.sub(v, v128.load(MOVES)), v128.load(FOURS));
  const others = v128.or(
    i8x16.eq(v, v128.load(OVERLONGS)),
    i8x16.eq(v, v128.load(SURROGATES)),
  );
  return v128.andnot(firsts, others);
}

/**
 * The first byte from `p` that is a quote, a backslash or a control; 0 where what is before it is
 * no UTF-8. A character begins at `p`. Two times sixteen bytes are looked at in one round, since
 * most strings end within them, and a branch that nobody foresees costs more than to look at them.
 */
export function charactersEnd(p: usize): usize {
  const start = p;
  /** A bit for each byte that must continue a character. */
  let owed: u64 = 0;
  while (true) {
    const one = v128.load(p);
    const two = v128.load(p, 16);
    const beyond = bitsOf(one, two);
    const ends = endsOf(one, two, beyond);
    // The next lower bit of each byte, and the one below it.
    const one6 = i8x16.add(one, one);
    const two6 = i8x16.add(two, two);
    const firsts = beyond & bitsOf(one6, two6);
    const threes = firsts & bitsOf(i8x16.add(one6, one6), i8x16.add(two6, two6));
    owed |= (<u64>firsts << 1) | (<u64>threes << 2);
    const others = firsts ^ bitsOf(commonFirstsOf(one), commonFirstsOf(two));
    // What ends the string is looked at, too: before it no character may be unfinished.
    const looked = ends ^ (ends - 1);
    if ((others | (<u32>owed ^ beyond ^ firsts)) & looked) return anyCharactersEnd(start);
    if (ends) return p + ctz(ends);
    owed >>= 32;
    p += 32;
  }
}
