// The head of the state region: one record that names everything the core remembers.
//
//   ┌─────┬────────────┬───────┬──────────┬────────┬───────────┬─────────────────┬─────────┐
//   │ top │ free blocks│ clock │ position │ counts │ identities│ timers, tables  │ queries │
//   └─────┴────────────┴───────┴──────────┴────────┴───────────┴─────────────────┴─────────┘
//
// The state is a pure function of the log's entries. It is written only while an entry is
// applied; whatever depends on how the entries were cut into pushes lives in `told` or `scratch`.

import { STATE, PROGRAM, PROGRAM_QUERIES } from "./layout";

/** A hash table (hash.ts). */
export const TABLE_BYTES: usize = 32;
/** Of the heap of identities (dedupe.ts): times have so many digits of six bits. */
export const RADIX_LEVELS: u32 = 11;
/** Of the heap of timers (timer.ts): the last one would not fit into any memory. */
export const TIMER_SEGMENTS: u32 = 22;

export const S_TOP: usize = STATE; // u32, end of what was ever allocated
export const S_ORDERS: usize = S_TOP + 4; // u32, a bit for each order with a free block
export const S_CHUNKS: usize = S_TOP + 8; // u32 address, u32 capacity: a u64 a chunk of the arena
export const S_SLABS: usize = S_CHUNKS + 8; // u32 × 32, heads of lists of slabs with room, by size
export const S_ROOM: usize = S_SLABS + 128; // u32 × 32, free blocks in slabs, by size
export const S_BLOCKS: usize = S_ROOM + 128; // u32 × 32, heads of lists of free blocks, by order
export const S_COUNTS: usize = S_BLOCKS + 128; // u32 × 32, free blocks, by order
export const S_CLOCK: usize = S_COUNTS + 128; // i64, NO_TIME before the first entry
export const S_MOVED_CLOCK: usize = S_CLOCK + 8; // i64, E: as of the last event that moved it
export const S_MOVED_RECEIVED: usize = S_MOVED_CLOCK + 8; // i64, A: when that event was received
export const S_POSITION: usize = S_MOVED_RECEIVED + 8; // u64, the next position
export const S_INEXACT: usize = S_POSITION + 8; // u64
export const S_KEY_BYTES: usize = S_INEXACT + 8; // u64, the longest key ever interned
export const S_STRING_BYTES: usize = S_KEY_BYTES + 8; // u64, of the longest in a tuple
export const S_HORIZON: usize = S_STRING_BYTES + 8; // i64, what is earlier is forgotten
export const S_FORGOTTEN: usize = S_HORIZON + 8; // u64, identities forgotten for want of room
export const S_IDENTITIES: usize = S_FORGOTTEN + 8; // 32 bytes, see identity-table.ts
export const S_SHEET: usize = S_IDENTITIES + 32; // u32, see identity.ts
export const S_RADIX: usize = S_SHEET + 8; // i64, and of a level u64, u32 × 64
export const S_TIMERS: usize = S_RADIX + 8 + RADIX_LEVELS * 264; // see timer.ts
export const S_KEYS: usize = S_TIMERS + 8 + TIMER_SEGMENTS * 4; // table
export const S_PANES: usize = S_KEYS + TABLE_BYTES; // table
export const S_WINDOWS: usize = S_PANES + TABLE_BYTES; // table
export const S_THINGS: usize = S_WINDOWS + TABLE_BYTES; // table: what spans are about
export const S_ENTRIES: usize = S_THINGS + TABLE_BYTES; // table: keys of the plan's tables
export const S_ZONES: usize = S_ENTRIES + TABLE_BYTES; // u32, head of the list of zones' years
export const S_QUERIES: usize = S_ZONES + 8; // Q_BYTES a query

// What the state keeps of one query.
export const Q_APPLIED: usize = 0; // u64
export const Q_LATE: usize = 8; // u64
export const Q_UNKEYED: usize = 16; // u64
export const Q_OPEN: usize = 24; // u64, windows not yet final; of slices, see slice.ts
export const Q_ROWS: usize = 32; // u64, rows of the view, those of open slices left out
export const Q_LATE_FACTS: usize = 40; // u64
export const Q_REPEATED: usize = 48; // u64
export const Q_UNMATCHED: usize = 56; // u64
export const Q_WAITING: usize = 64; // u64, events and facts that wait
export const Q_EXTERNAL: usize = 72; // u64, bytes of accumulators outside their records
export const Q_OPEN_KEYS: usize = 80; // u32, different keys with a window not yet final
export const Q_PANES: usize = 84; // u32, head of the list of panes
export const Q_LATE_LIST: usize = 88; // u32 address, u32 capacity: the ring of late.ts
export const Q_KEYS: usize = 96; // u32, head of the list of keys with a lane
export const Q_FINALS: usize = 100; // u32, head of the list of final sessions
export const Q_CLOSER: usize = 104; // u32, the block whose timer closes slices
export const Q_EXTERNAL_MAX: usize = 112; // u64, the most of Q_EXTERNAL that one key ever had
export const Q_LISTED: usize = 120; // u64, late events and facts ever listed
export const Q_BYTES: usize = 128;

/** Before the first event or tick. */
export const NO_TIME: i64 = i64.MIN_VALUE;

export function queryCount(): u32 {
  return load<u32>(PROGRAM + PROGRAM_QUERIES);
}

export function queryState(query: u32): usize {
  return S_QUERIES + <usize>query * Q_BYTES;
}

export function stateHeadBytes(): usize {
  return (S_QUERIES - STATE + <usize>queryCount() * Q_BYTES + 15) & ~15;
}

export function increment(counter: usize): void {
  store<u64>(counter, load<u64>(counter) + 1);
}
