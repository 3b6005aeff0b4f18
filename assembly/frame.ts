// Frames: the values that a query's expressions read, where they come from more than one place:
// the event or the two facts of a span, the span itself, and what `with` found. A query that only
// reads its event has none: its fields are read as they lie in the batch.

import {
  FRAME_BYTES,
  FRAME_INDEX,
  FRAME_LOOKUP,
  FRAME_SOURCE,
  FRAME_VALUES_MAX,
  LOOKUP_BYTES,
  LOOKUP_ON,
  LOOKUP_TABLE,
  PROGRAM,
  QUERY_COLUMNS,
  QUERY_FRAME,
  QUERY_LOOKUPS,
  SOURCE_EVENT,
  SOURCE_LOOKUP,
  SOURCE_SPAN,
  SOURCE_TO,
  SPAN_DURATION,
  SPAN_END,
  SPAN_OUTCOME,
  SPAN_SELF,
  SPAN_START,
  SPAN_TIME,
  TAG_COMPOSITE,
  TAG_STRING,
  VALUE_BYTES,
  VALUE_PAYLOAD,
} from "./layout";
import { bindFields, evaluate, setNull, setNumber, setString, tagAt } from "./expression";
import { lookUp } from "./table";
import { loadColumn } from "./tuple";

const frame: usize = memory.data(FRAME_VALUES_MAX * VALUE_BYTES, 16);

const COMPLETED: usize = memory.data<u8>([99, 111, 109, 112, 108, 101, 116, 101, 100]); // completed
const EXPIRED: usize = memory.data<u8>([101, 120, 112, 105, 114, 101, 100]); // expired

@inline
function placeCount(query: usize): u32 {
  return load<u32>(PROGRAM + <usize>load<u32>(query, QUERY_FRAME));
}

@inline
function placeAt(query: usize, index: u32): usize {
  return PROGRAM + <usize>load<u32>(query, QUERY_FRAME) + 4 + <usize>index * FRAME_BYTES;
}

@inline
function valueAt(index: u32): usize {
  return frame + <usize>index * VALUE_BYTES;
}

/** From the event in the batch. */
export function fillFromRow(query: usize, row: usize, text: usize): void {
  const columns = PROGRAM + <usize>load<u32>(query, QUERY_COLUMNS) + 4;
  for (let i: u32 = 0; i < placeCount(query); i++) {
    const place = placeAt(query, i);
    const to = valueAt(i);
    if (load<u8>(place, FRAME_SOURCE) != SOURCE_EVENT) {
      setNull(to);
      continue;
    }
    const field = <usize>load<u32>(columns + (<usize>load<u16>(place, FRAME_INDEX) << 2));
    const from = row + field * VALUE_BYTES;
    store<u64>(to, load<u64>(from));
    const payload = load<u64>(from, VALUE_PAYLOAD);
    store<u64>(to, tagAt(from) == TAG_STRING ? payload + text : payload, VALUE_PAYLOAD);
  }
}

/** From an event that has waited. */
export function fillFromTuple(query: usize, tuple: usize): void {
  for (let i: u32 = 0; i < placeCount(query); i++) {
    const place = placeAt(query, i);
    if (load<u8>(place, FRAME_SOURCE) == SOURCE_EVENT) {
      loadColumn(valueAt(i), tuple, load<u16>(place, FRAME_INDEX));
    } else setNull(valueAt(i));
  }
}

/** From a span; `to` is 0, and `end` no time, where it expired. `time` is the span's own. */
export function fillFromSpan(
  query: usize,
  from: usize,
  to: usize,
  start: i64,
  end: i64,
  time: i64,
): void {
  for (let i: u32 = 0; i < placeCount(query); i++) {
    const place = placeAt(query, i);
    const source = <u32>load<u8>(place, FRAME_SOURCE);
    const index = <u32>load<u16>(place, FRAME_INDEX);
    if (source == SOURCE_EVENT) loadColumn(valueAt(i), from, index);
    else if (source == SOURCE_TO && to) loadColumn(valueAt(i), to, index);
    else if (source == SOURCE_SPAN) setSpanMember(valueAt(i), index, to != 0, start, end, time);
    else setNull(valueAt(i));
  }
}

function setSpanMember(
  value: usize,
  member: u32,
  completed: bool,
  start: i64,
  end: i64,
  time: i64,
): void {
  if (member == SPAN_START) setNumber(value, <f64>start);
  else if (member == SPAN_TIME) setNumber(value, <f64>time);
  else if (member == SPAN_OUTCOME) {
    if (completed) setString(value, COMPLETED, 9);
    else setString(value, EXPIRED, 7);
  } else if (member == SPAN_SELF) store<u64>(value, TAG_COMPOSITE);
  else if (!completed) setNull(value);
  else if (member == SPAN_END) setNumber(value, <f64>end);
  else {
    assert(member == SPAN_DURATION);
    setNumber(value, <f64>(end - start));
  }
}

/** Looks up what `with` asks for, in order, each seeing those before it, and binds the frame. */
export function completeFrame(query: usize, time: i64): void {
  bindFields(frame, 0);
  const lookups = PROGRAM + <usize>load<u32>(query, QUERY_LOOKUPS);
  const count = load<u32>(lookups);
  for (let l: u32 = 0; l < count; l++) {
    const lookup = lookups + 4 + <usize>l * LOOKUP_BYTES;
    const on = evaluate(load<u32>(lookup, LOOKUP_ON));
    const tuple = lookUp(load<u32>(lookup, LOOKUP_TABLE), on, time);
    if (!tuple) continue;
    for (let i: u32 = 0; i < placeCount(query); i++) {
      const place = placeAt(query, i);
      if (load<u8>(place, FRAME_SOURCE) != SOURCE_LOOKUP) continue;
      if (<u32>load<u8>(place, FRAME_LOOKUP) != l) continue;
      loadColumn(valueAt(i), tuple, load<u16>(place, FRAME_INDEX));
    }
  }
}
