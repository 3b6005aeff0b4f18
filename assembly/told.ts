// What was told: for each open window of a query that tells updates, the revision last emitted.
// It depends on how the entries were cut into pushes, so it lies in a region of its own: saved in
// a snapshot, no part of the state's hash, never allocating in the state.
//
//   ┌──────┬───────┬───┬────────────────────────────┐
//   │ bits │ count │ – │ window u32, –, revision u64│ …      open addressing, at most 3/4 full
//   └──────┴───────┴───┴────────────────────────────┘
//
// A window enters when an event is first applied to it and leaves when it is final, so whatever
// is found here is an open window, even where the arena has reused an address since.

import { told, reserveTold, setToldBytes } from "./regions";

const COUNT: usize = 4;
const SLOTS: usize = 16;
const SLOT: usize = 16;
const REVISION: usize = 8;
const BITS_FIRST: u32 = 6;

@inline
function bits(): u32 {
  return load<u32>(told);
}

@inline
function slotAt(index: u32): usize {
  return told + SLOTS + <usize>index * SLOT;
}

@inline
function home(window: usize, bits: u32): u32 {
  return (<u32>window * 0x9e3779b1) >> (32 - bits);
}

/** An empty table; the region has room for its first size. */
export function toldOpen(): void {
  memory.fill(told, 0, SLOTS + (SLOT << BITS_FIRST));
  store<u32>(told, BITS_FIRST);
  setToldBytes(SLOTS + (SLOT << BITS_FIRST));
}

/** Room for `more` windows; false where the host has no memory. */
export function reserveTouches(more: u32): bool {
  const wanted = <u64>load<u32>(told, COUNT) + more;
  const before = bits();
  let wider = before;
  while (wanted * 4 > <u64>3 << wider) wider++;
  if (wider == before) return true;
  const size = SLOT << before;
  const fresh = SLOT << wider;
  if (wider > 26 || !reserveTold(SLOTS + size + fresh)) return false;
  const from = told + SLOTS;
  const to = from + size;
  memory.fill(to, 0, fresh);
  const mask: u32 = (1 << wider) - 1;
  for (let p = from; p < to; p += SLOT) {
    const window = load<u32>(p);
    if (!window) continue;
    let i = home(window, wider);
    while (load<u32>(to + <usize>i * SLOT)) i = (i + 1) & mask;
    memory.copy(to + <usize>i * SLOT, p, SLOT);
  }
  memory.copy(from, to, fresh);
  store<u32>(told, wider);
  setToldBytes(SLOTS + fresh);
  return true;
}

function find(window: usize): u32 {
  const mask: u32 = (1 << bits()) - 1;
  let i = home(window, bits());
  while (true) {
    const at = load<u32>(slotAt(i));
    if (at == <u32>window || at == 0) return i;
    i = (i + 1) & mask;
  }
}

/** The window has something to tell. */
export function touch(window: usize): void {
  const slot = slotAt(find(window));
  if (load<u32>(slot)) return;
  store<u32>(slot, <u32>window);
  store<u32>(told, load<u32>(told, COUNT) + 1, COUNT);
}

/** Whether the window is open and stands at a revision not yet told; then it is told now. */
export function tell(window: usize, revision: u64): bool {
  const slot = slotAt(find(window));
  if (!load<u32>(slot) || load<u64>(slot, REVISION) == revision) return false;
  store<u64>(slot, revision, REVISION);
  return true;
}

export function isTouched(window: usize): bool {
  return load<u32>(slotAt(find(window))) != 0;
}

/** The window is no longer open. */
export function untouch(window: usize): void {
  const mask: u32 = (1 << bits()) - 1;
  let hole = find(window);
  if (!load<u32>(slotAt(hole))) return;
  let i = hole;
  while (true) {
    i = (i + 1) & mask;
    const other = load<u32>(slotAt(i));
    if (!other) break;
    const from = home(other, bits());
    if (((i - from) & mask) < ((i - hole) & mask)) continue;
    memory.copy(slotAt(hole), slotAt(i), SLOT);
    hole = i;
  }
  memory.fill(slotAt(hole), 0, SLOT);
  store<u32>(told, load<u32>(told, COUNT) - 1, COUNT);
}
