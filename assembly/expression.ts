// Expressions: a stack machine over tagged values. Code is checked by compile.ts, so a malformed
// one asserts. A comparison with null, across types or with an object is false (`!=` is the
// negation of `==`), arithmetic with anything but numbers gives null, and so does a result that
// is not finite; a condition holds only if it is true.
//
//   value:  ┌─────┬───────┬────────┬─────────────────────────┐
//           │ tag │ flags │ length │ f64, or address of bytes│      16 bytes
//           └─────┴───────┴────────┴─────────────────────────┘

import {
  OP_ADD,
  OP_AND,
  OP_COALESCE,
  OP_DIVIDE,
  OP_END,
  OP_EQ,
  OP_FALSE,
  OP_FIELD,
  OP_GE,
  OP_GT,
  OP_HAS,
  OP_IN,
  OP_JUMP,
  OP_JUMP_UNLESS,
  OP_LE,
  OP_LT,
  OP_MULTIPLY,
  OP_NE,
  OP_NOT,
  OP_NULL,
  OP_NUMBER,
  OP_OR,
  OP_REMAINDER,
  OP_STRING,
  OP_SUBTRACT,
  OP_TRUE,
  PROGRAM,
  STACK_VALUES_MAX,
  TAG_COMPOSITE,
  TAG_FALSE,
  TAG_NULL,
  TAG_NUMBER,
  TAG_STRING,
  TAG_TRUE,
  VALUE_BYTES,
  VALUE_LENGTH,
  VALUE_PAYLOAD,
} from "./layout";

const STACK: usize = memory.data(STACK_VALUES_MAX * VALUE_BYTES, 16);
const STACK_END: usize = STACK + STACK_VALUES_MAX * VALUE_BYTES;

/** The values that `OP_FIELD` reads, and what the offsets of their strings are relative to. */
let fields: usize = 0;
let strings: usize = 0;

/** Which event the fields are those of: its position, plus 1; 0 where they are no event's own. */
export let rowStamp: u64 = 0;

export function bindFields(values: usize, base: usize): void {
  fields = values;
  strings = base;
  rowStamp = 0;
}

/** The fields of the event at `position`. */
export function bindRow(row: usize, base: usize, position: u64): void {
  fields = row;
  strings = base;
  rowStamp = position + 1;
}

/** The field that the expression is, plus 1; 0 where it is more than one field. */
@inline
export function fieldOf(code: u32): u32 {
  const word = load<u32>(PROGRAM + code);
  return (word & 0xff0000ff) == ((OP_END << 24) | OP_FIELD) ? (word >> 8) + 1 : 0;
}

/** Where the bytes of a field's string lie. */
@inline
export function fieldBytes(value: usize): usize {
  return strings + bytesAt(value);
}

/** The value of a field as it lies: the place of a string's bytes is no address. */
@inline
export function fieldAt(field: u32): usize {
  return fields + <usize>field * VALUE_BYTES;
}

@inline
export function tagAt(value: usize): u32 {
  return load<u8>(value);
}

@inline
export function lengthAt(value: usize): u32 {
  return load<u32>(value, VALUE_LENGTH);
}

@inline
export function numberAt(value: usize): f64 {
  return load<f64>(value, VALUE_PAYLOAD);
}

@inline
export function bytesAt(value: usize): usize {
  return load<u32>(value, VALUE_PAYLOAD);
}

export function setNull(value: usize): void {
  store<u64>(value, TAG_NULL);
  store<u64>(value, 0, VALUE_PAYLOAD);
}

export function setNumber(value: usize, number: f64): void {
  const finite = number - number == 0;
  store<u64>(value, finite ? TAG_NUMBER : TAG_NULL);
  store<f64>(value, finite ? number : 0, VALUE_PAYLOAD);
}

function setBoolean(value: usize, holds: bool): void {
  store<u64>(value, holds ? TAG_TRUE : TAG_FALSE);
  store<u64>(value, 0, VALUE_PAYLOAD);
}

export function setString(value: usize, bytes: usize, length: u32): void {
  store<u64>(value, <u64>TAG_STRING | (<u64>length << 32));
  store<u64>(value, bytes, VALUE_PAYLOAD);
}

/** Copies field `index`, its string's offset made an address. */
function loadField(to: usize, index: u32): void {
  const from = fields + <usize>index * VALUE_BYTES;
  if (tagAt(from) == TAG_STRING) {
    setString(to, strings + bytesAt(from), lengthAt(from));
  } else {
    store<u64>(to, tagAt(from));
    store<u64>(to, load<u64>(from, VALUE_PAYLOAD), VALUE_PAYLOAD);
  }
}

function equals(a: usize, b: usize): bool {
  const tag = tagAt(a);
  if (tag != tagAt(b) || tag == TAG_NULL || tag == TAG_COMPOSITE) return false;
  if (tag == TAG_NUMBER) return numberAt(a) == numberAt(b);
  if (tag != TAG_STRING) return true;
  const n = lengthAt(a);
  return n == lengthAt(b) && memory.compare(bytesAt(a), bytesAt(b), n) == 0;
}

/** -1, 0, 1; 2 where the two do not compare. */
function order(a: usize, b: usize): i32 {
  const tag = tagAt(a);
  if (tag != tagAt(b)) return 2;
  if (tag == TAG_NUMBER) {
    const x = numberAt(a);
    const y = numberAt(b);
    return x < y ? -1 : x > y ? 1 : 0;
  }
  if (tag != TAG_STRING) return 2;
  const n = lengthAt(a);
  const m = lengthAt(b);
  const differs = memory.compare(bytesAt(a), bytesAt(b), min(n, m));
  if (differs != 0) return differs < 0 ? -1 : 1;
  return n < m ? -1 : n > m ? 1 : 0;
}

function compares(op: u32, a: usize, b: usize): bool {
  if (op == OP_EQ) return equals(a, b);
  if (op == OP_NE) return !equals(a, b);
  const o = order(a, b);
  if (o == 2) return false;
  if (op == OP_LT) return o < 0;
  if (op == OP_LE) return o <= 0;
  if (op == OP_GT) return o > 0;
  return o >= 0;
}

/** `x % y` of ECMAScript, which is exact. */
@external("env", "remainder")
declare function remainder(x: f64, y: f64): f64;

function calculate(op: u32, a: usize, b: usize): void {
  if (tagAt(a) != TAG_NUMBER || tagAt(b) != TAG_NUMBER) return setNull(a);
  const x = numberAt(a);
  const y = numberAt(b);
  if (op == OP_ADD) setNumber(a, x + y);
  else if (op == OP_SUBTRACT) setNumber(a, x - y);
  else if (op == OP_MULTIPLY) setNumber(a, x * y);
  else if (op == OP_DIVIDE) setNumber(a, x / y);
  else setNumber(a, remainder(x, y));
}

function isTrue(value: usize): bool {
  return tagAt(value) == TAG_TRUE;
}

/** Two values, the result in the place of the first. */
function combine(op: u32, a: usize, b: usize): void {
  if (op <= <u32>OP_GE) setBoolean(a, compares(op, a, b));
  else if (op == OP_AND) setBoolean(a, isTrue(a) && isTrue(b));
  else if (op == OP_OR) setBoolean(a, isTrue(a) || isTrue(b));
  else if (op == OP_COALESCE) {
    if (tagAt(a) == TAG_NULL) memory.copy(a, b, VALUE_BYTES);
  } else calculate(op, a, b);
}

/** Loads the literal or field whose operands stand at `p`; where they end. */
function loadOperand(op: u32, p: usize, to: usize): usize {
  if (op == OP_NUMBER) {
    setNumber(to, load<f64>(p));
    return p + 8;
  }
  if (op == OP_STRING) {
    const n = load<u32>(p);
    setString(to, p + 4, n);
    return p + 4 + n;
  }
  if (op == OP_FIELD) {
    loadField(to, load<u16>(p));
    return p + 2;
  }
  if (op == OP_NULL) setNull(to);
  else setBoolean(to, op == OP_TRUE);
  return p;
}

/** Whether `value` is one of the literals at `p`; where they end. */
function loadIn(p: usize, value: usize): usize {
  let found = false;
  const literal = value + VALUE_BYTES;
  const count = load<u32>(p);
  p += 4;
  for (let i: u32 = 0; i < count; i++) {
    p = loadOperand(load<u8>(p), p + 1, literal);
    found = found || equals(value, literal);
  }
  setBoolean(value, found);
  return p;
}

/** Runs the expression at offset `code` of the program; the address of its value. */
export function evaluate(code: u32): usize {
  // Most expressions are one field.
  const field = fieldOf(code);
  if (field) {
    loadField(STACK, field - 1);
    return STACK;
  }
  let p: usize = PROGRAM + code;
  let top: usize = STACK - VALUE_BYTES;
  while (true) {
    const op = <u32>load<u8>(p++);
    if (op == OP_END) break;
    if (op <= <u32>OP_FIELD) {
      top += VALUE_BYTES;
      assert(top + VALUE_BYTES < STACK_END);
      p = loadOperand(op, p, top);
    } else if (op == OP_IN) p = loadIn(p, top);
    else if (op == OP_HAS) setBoolean(top, tagAt(top) != TAG_NULL);
    else if (op == OP_NOT) setBoolean(top, !isTrue(top));
    else if (op == OP_JUMP) p += 4 + load<u32>(p);
    else if (op == OP_JUMP_UNLESS) {
      p += isTrue(top) ? 4 : 4 + load<u32>(p);
      top -= VALUE_BYTES;
    } else {
      top -= VALUE_BYTES;
      combine(op, top, top + VALUE_BYTES);
    }
  }
  assert(top == STACK);
  return STACK;
}

/** Whether the condition at offset `code` holds; 0 is no condition. */
export function holds(code: u32): bool {
  return code == 0 || isTrue(evaluate(code));
}
