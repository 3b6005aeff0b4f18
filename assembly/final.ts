// Final rows: what stays of a window once it is final, until its row leaves the view. The encoded
// value is written over the accumulators where it fits; a larger one gets a block of its own.
//
//   in place:  length ≤ room        body: ┌───────────────────┬───────┐
//                                         │ encoded value     │ zeros │
//                                         └───────────────────┴───────┘
//   apart:     length > room        body: ┌─────────────┬─────────────┐
//                                         │ address u32 │ zeros       │      block: encoded value
//                                         └─────────────┴─────────────┘

import { alloc, free } from "./arena";
import { copyBytes } from "./encode";

/** Most are small, and for those the call of memory.fill costs more. */
@inline
function clear(body: usize, room: usize): void {
  if (room > 128) return memory.fill(body, 0, room);
  const end = body + room;
  for (; body + 8 <= end; body += 8) store<u64>(body, 0);
  for (; body < end; body++) store<u8>(body, 0);
}

/** Keeps `length` encoded bytes at `value` in a body of `room` bytes. */
export function keepFinal(body: usize, room: usize, value: usize, length: usize): void {
  clear(body, room);
  if (length <= room) return copyBytes(body, value, length);
  const block = alloc(length);
  memory.copy(block, value, length);
  store<u32>(body, <u32>block);
}

/** Where the encoded value lies. */
export function finalValue(body: usize, room: usize, length: usize): usize {
  return length <= room ? body : <usize>load<u32>(body);
}

export function freeFinal(body: usize, room: usize, length: usize): void {
  if (length > room) free(load<u32>(body), length);
}
