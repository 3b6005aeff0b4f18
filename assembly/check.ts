// Checks: what the schema of an event's type asks of the values that the scan took, member by
// member in the schema's order (engine/query/schema.ts writes it). They are made when the line has
// been read to its end, since `data` may stand before the type; so they are the same whether the
// line was walked or followed a shape. What does not fit is left to the strict lane, which says
// where (engine/ingest/schema-fault.ts).

import {
  CHECK_BYTES,
  CHECK_IN_DATA,
  CHECK_KINDS,
  CHECK_LEAST,
  CHECK_MOST,
  CHECK_OBJECT,
  CHECK_VALUE,
  CHECK_VALUES,
  PROGRAM,
  TAG_COMPOSITE,
  TAG_NULL,
  TAG_STRING,
  VALUE_IS_ARRAY,
  VALUE_LENGTH,
  VALUE_PAYLOAD,
} from "./layout";
import { sameBytes } from "./scan-text";

/** A value's tag, but an array's is TAG_LIST, the one behind that of composites. */
@inline
function kindOf(value: usize): u32 {
  return <u32>load<u8>(value) + <u32>load<u8>(value, VALUE_IS_ARRAY);
}

/** Whether the values of `row` are as the checks at `checks` ask, if there are any. */
@inline
export function fits(checks: usize, row: usize, text: usize): bool {
  return !checks || fitsAll(PROGRAM + checks, row, text);
}

function fitsAll(checks: usize, row: usize, text: usize): bool {
  let check = checks + 8;
  for (let n = load<u32>(checks); n > 0; n--, check += CHECK_BYTES) {
    const value = row + <usize>load<u32>(check, CHECK_VALUE);
    const kind = kindOf(value);
    if (!((load<u32>(check, CHECK_KINDS) >> kind) & 1)) {
      if (kind != TAG_NULL || isAsked(load<u32>(check, CHECK_OBJECT), row)) return false;
    } else if (kind == TAG_STRING && !textFits(check, value, text)) return false;
  }
  return true;
}

/** Whether the object is there that should have the member. */
function isAsked(object: u32, row: usize): bool {
  return object == <u32>CHECK_IN_DATA || kindOf(row + <usize>object) == TAG_COMPOSITE;
}

@inline
function textFits(check: usize, value: usize, text: usize): bool {
  const at = text + <usize>load<u32>(value, VALUE_PAYLOAD);
  const bytes = load<u32>(value, VALUE_LENGTH);
  const values = <usize>load<u32>(check, CHECK_VALUES);
  if (values && !isAmong(PROGRAM + values, at, bytes)) return false;
  const least = load<u32>(check, CHECK_LEAST);
  const most = load<u32>(check, CHECK_MOST);
  // A character has one byte to four: mostly that is enough to know.
  if (bytes <= most && bytes + 3 >= least * 4) return true;
  const characters = charactersIn(at, bytes);
  return characters >= least && characters <= most;
}

function isAmong(values: usize, at: usize, bytes: u32): bool {
  let value = values + 4;
  for (let n = load<u32>(values); n > 0; n--, value += 8) {
    if (load<u32>(value, 4) != bytes) continue;
    if (sameBytes(PROGRAM + <usize>load<u32>(value), at, bytes)) return true;
  }
  return false;
}

/** Unicode code points of the UTF-8 at `p`: the bytes that are no continuation. */
function charactersIn(p: usize, bytes: u32): u32 {
  let characters: u32 = 0;
  for (let rest = bytes; rest > 0; p += 16) {
    // Compared as signed, continuations are the least.
    const first = i8x16.bitmask(i8x16.gt_s(v128.load(p), i8x16.splat(-65)));
    const these = min<u32>(rest, 16);
    characters += popcnt(first & ((1 << these) - 1));
    rest -= these;
  }
  return characters;
}
