// The table of identities without a core around it. Built by ../identity-table.test.ts, for tests
// alone. An identity is 48 bytes of which the first sixteen are its fingerprint.

import { alloc, arenaOpen, free } from "../../../assembly/arena";
import {
  findIdentity,
  identityCount,
  insertIdentity,
  needIdentityTable,
  removeIdentity,
  touchIdentities,
} from "../../../assembly/identity-table";
import { beginNeed, neededBytes } from "../../../assembly/need";
import { reserveState, resetRegions } from "../../../assembly/regions";
import { S_IDENTITIES, S_TOP, stateHeadBytes } from "../../../assembly/state";

export { identityCount as count };

const IDENTITY_BYTES: usize = 48;
const print: usize = memory.data(16, 8);

export function abort(_message: usize, _file: usize, _line: u32, _column: u32): void {
  unreachable();
}

/** A fresh state with room for `bytes`. */
export function open(bytes: usize): void {
  resetRegions();
  assert(reserveState(stateHeadBytes() + bytes));
  arenaOpen();
}

export function top(): usize {
  return load<u32>(S_TOP);
}

export function insert(first: u64, second: u64): usize {
  const identity = alloc(IDENTITY_BYTES);
  store<u64>(identity, first);
  store<u64>(identity, second, 8);
  insertIdentity(first, identity);
  return identity;
}

export function remove(identity: usize): void {
  removeIdentity(load<u64>(identity), identity);
  free(identity, IDENTITY_BYTES);
}

export function find(first: u64, second: u64): usize {
  store<u64>(print, first);
  store<u64>(print, second, 8);
  touchIdentities(print, 1, 16, true);
  return findIdentity(print);
}

/** Whether a former table is being emptied. */
export function isMoving(): bool {
  return load<u32>(S_IDENTITIES, 16) != 0;
}

/** Whether nothing is noted of what was removed, when all was. */
export function isClear(): bool {
  const groups = <usize>load<u32>(S_IDENTITIES);
  const end = groups + ((<usize>64) << load<u32>(S_IDENTITIES, 4));
  for (let at = groups; at < end; at += 8) if (load<u64>(at)) return false;
  return true;
}

/** Bytes above the top that are said to be enough for the table alone, of `more` identities. */
export function needed(more: u32): u64 {
  beginNeed();
  needIdentityTable(more);
  return neededBytes();
}
