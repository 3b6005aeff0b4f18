// Routes: which tables and queries take an event's type. The plan names types and prefixes
// (engine/query/route.ts), so every route is known; the types of a feed are few, and the latest are
// kept beside the route that they got.
//
//   kept type (160 bytes):  ┌────────┬───────┬────────┬───────────┐
//                           │ length │ route │ checks │ up to 128 │  length 0: empty
//                           └────────┴───────┴────────┴───────────┘

import {
  PROGRAM,
  PROGRAM_TYPES,
  SCAN,
  TYPE_BYTES,
  TYPE_CHECKS,
  TYPE_IS_PREFIX,
  TYPE_NAME,
  TYPE_NAME_BYTES,
  TYPE_ROUTE,
} from "./layout";
import { sameBytes } from "./scan-text";

const KEPT_BITS: u32 = 5;
const KEPT_BYTES: usize = 160;
const NAME: usize = 16;
const KEPT_CHECKS: usize = 8;
/** Behind the names of scan-value.ts. */
const KEPT: usize = SCAN + 8192;

@inline
export function keptRoute(kept: usize): u32 {
  return load<u32>(kept, 4);
}

/** What the type's schema asks for, as an offset in the program; 0: it has none. */
@inline
export function keptChecks(kept: usize): usize {
  return load<u32>(kept, KEPT_CHECKS);
}

/** Where the type of `n` bytes at `p` is kept: at least 1, at most 128. */
export function keepType(p: usize, n: u32): usize {
  let ends = load<u64>(p);
  if (n < 8) ends &= (<u64>1 << (<u64>n << 3)) - 1;
  else ends ^= rotl(load<u64>(p + n - 8), 29);
  const index = <usize>((ends * 0x9e3779b97f4a7c15) >> (64 - KEPT_BITS));
  const entry = KEPT + index * KEPT_BYTES;
  if (load<u32>(entry) == n && sameBytes(entry + NAME, p, n)) return entry;
  find(p, n, entry);
  store<u32>(entry, n);
  memory.copy(entry + NAME, p, n);
  return entry;
}

/** Route and checks: of the exact name, else the longest prefix, else what all others have. */
function find(p: usize, n: u32, entry: usize): void {
  const types = PROGRAM + <usize>load<u32>(PROGRAM, PROGRAM_TYPES);
  let type = types + 8;
  for (let i = load<u32>(types); i > 0; i--, type += TYPE_BYTES) {
    const bytes = load<u32>(type, TYPE_NAME_BYTES);
    if (load<u32>(type, TYPE_IS_PREFIX) ? bytes > n : bytes != n) continue;
    if (sameBytes(PROGRAM + <usize>load<u32>(type, TYPE_NAME), p, bytes)) {
      store<u32>(entry, load<u32>(type, TYPE_ROUTE), 4);
      store<u32>(entry, load<u32>(type, TYPE_CHECKS), KEPT_CHECKS);
      return;
    }
  }
  store<u32>(entry, load<u32>(types, 4), 4);
  store<u32>(entry, 0, KEPT_CHECKS);
}
