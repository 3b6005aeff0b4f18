// Tuples: values that outlive their batch. What a query, a side of a span or a table reads of an
// event is copied out of its row when the event waits, opens a span or makes a version.
//
//   ┌───────┬───────┬────────────────────┬──────────────────┐
//   │ bytes │ count │ count × value (16) │ strings …        │      a string's payload: its offset
//   └───────┴───────┴────────────────────┴──────────────────┘      in the tuple
//
// Example: the columns ("Taj", 12.5) take 8 + 32 + 3 = 43 bytes, the first one's payload is 40.

import { PROGRAM, TAG_STRING, VALUE_BYTES, VALUE_LENGTH, VALUE_PAYLOAD } from "./layout";
import { alloc, free } from "./arena";
import { bytesAt, lengthAt, tagAt } from "./expression";
import { needBlocksUpTo } from "./need";
import { S_STRING_BYTES } from "./state";

const TUPLE_COUNT: usize = 4;
const TUPLE_VALUES: usize = 8;

/** A tuple of the columns that the list at offset `columns` of the program names, from `row`. */
export function makeTuple(columns: u32, row: usize, text: usize): usize {
  const list = PROGRAM + <usize>columns;
  const count = <usize>load<u32>(list);
  let bytes = TUPLE_VALUES + count * VALUE_BYTES;
  for (let i: usize = 0; i < count; i++) {
    const value = row + <usize>load<u32>(list + 4 + (i << 2)) * VALUE_BYTES;
    if (tagAt(value) == TAG_STRING) bytes += lengthAt(value);
  }
  const tuple = alloc(bytes);
  store<u32>(tuple, <u32>bytes);
  store<u32>(tuple, <u32>count, TUPLE_COUNT);
  let at = TUPLE_VALUES + count * VALUE_BYTES;
  for (let i: usize = 0; i < count; i++) {
    const from = row + <usize>load<u32>(list + 4 + (i << 2)) * VALUE_BYTES;
    const to = tuple + TUPLE_VALUES + i * VALUE_BYTES;
    const tag = tagAt(from);
    store<u64>(to, tag);
    if (tag == TAG_STRING) {
      const length = lengthAt(from);
      memory.copy(tuple + at, text + bytesAt(from), length);
      store<u32>(to, length, VALUE_LENGTH);
      store<u64>(to, at, VALUE_PAYLOAD);
      at += length;
      store<u64>(S_STRING_BYTES, max(load<u64>(S_STRING_BYTES), <u64>length));
    } else store<u64>(to, load<u64>(from, VALUE_PAYLOAD), VALUE_PAYLOAD);
  }
  return tuple;
}

export function freeTuple(tuple: usize): void {
  if (tuple) free(tuple, load<u32>(tuple));
}

/** Copies column `index` to `to`, its string's offset made an address. */
export function loadColumn(to: usize, tuple: usize, index: u32): void {
  assert(index < load<u32>(tuple, TUPLE_COUNT));
  const from = tuple + TUPLE_VALUES + <usize>index * VALUE_BYTES;
  store<u64>(to, load<u64>(from));
  const payload = load<u64>(from, VALUE_PAYLOAD);
  store<u64>(to, tagAt(from) == TAG_STRING ? payload + tuple : payload, VALUE_PAYLOAD);
}

/** Notes a tuple of these columns, of an event whose strings have `strings` bytes. */
export function needTuple(columns: u32, strings: usize): void {
  const count = <usize>load<u32>(PROGRAM + <usize>columns);
  needBlocksUpTo(1, TUPLE_VALUES + count * (VALUE_BYTES + strings));
}
