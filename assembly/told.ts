// What was told of open sessions, where updates are told: bounds, revision and value, since they
// are told again when a session is retracted. It depends on how the entries were cut into pushes,
// so it lies in a region of its own: saved in a snapshot, no part of the state's hash, never
// allocating in the state.
//
//   blob:      ┌────────┬───────┬─────┬──────────┬────────┬──────┬─────────────────┐
//              │ link 8 │ start │ end │ revision │ length │ rest │ encoded value … │  64 bytes
//              └────────┴───────┴─────┴──────────┴────────┴──────┴─────────────────┘
//   the rest:  ┌──────┬───────────────────────────────────────────────────────────┐
//              │ rest │ … encoded value …                                         │  64 bytes
//              └──────┴───────────────────────────────────────────────────────────┘
//   bucket:    ┌───────────┬──────────────┬───────────────┐
//              │ link 8 … 7 of them …     │ link, longer  │  64 bytes
//              └───────────┴──────────────┴───────────────┘
//   link:      ┌────────────┬──────────┬───────┐
//              │ record  28 │ longer 1 │ piece │            0: none
//              └────────────┴──────────┴───────┘
//
// All is in pieces of one size (told-pages.ts), so what is told no more leaves room for any other,
// and nothing is ever moved for it. A record's blob is found by linear hashing (Litwin, 1980): a
// bucket is a line of the cache with links to its blobs; beyond eight, a blob has the link to the
// next. When there are more blobs, a bucket is added, which takes its part of one that was there:
// no blob waits for a whole table.

import { EMIT_ALL, QUERY_EMIT, QUERY_WINDOW_KIND, WINDOW_SESSION } from "./layout";
import { moveAhead } from "./regions";
import {
  addBucket,
  addPiece,
  bucketCount,
  head,
  openPages,
  pieceAt,
  pieceCount,
  reservePages,
  PIECE_BYTES,
} from "./told-pages";

// Of the head, behind what told-pages.ts has there: u32 each.
const COUNT: usize = 8;
/** The first piece that is free, 0: none is; each has the next one. */
const FREE: usize = 12;

const LINK: usize = 0;
const LINK_BYTES: usize = 8;
/** The link of a bucket that may be longer. */
const LAST: usize = PIECE_BYTES - LINK_BYTES;
export const BLOB_START: usize = 8;
export const BLOB_END: usize = 16;
export const BLOB_REVISION: usize = 24;
const LENGTH: usize = 32;
const REST: usize = 36;
const VALUE: usize = 40;
const FIRST_BYTES: usize = PIECE_BYTES - VALUE;
/** The same of the pieces behind the first one. */
const REST_REST: usize = 0;
const REST_VALUE: usize = 4;
const REST_BYTES: usize = PIECE_BYTES - REST_VALUE;

/** Of a link: there may be another behind it. */
const LONGER: u64 = 1;

const BUCKETS_FIRST: u32 = 8;

@inline
function blobCount(): u32 {
  return load<u32>(head, COUNT);
}

/** Nothing is told. */
export function toldOpen(): void {
  openPages();
}

/** Whether it is kept what is told of a query's windows. */
export function keepsTold(query: usize): bool {
  return (
    load<u8>(query, QUERY_WINDOW_KIND) == WINDOW_SESSION && load<u8>(query, QUERY_EMIT) == EMIT_ALL
  );
}

/** Room for `more` sessions, whose values have `bytes`; false where the host has no memory. */
export function reserveTelling(more: u32, bytes: u64): bool {
  moveAhead();
  if (more == 0) return true;
  // Of each the first piece, and one that is not full.
  return reservePages(2 * <u64>more + bytes / REST_BYTES + 1, bucketsFor(more) + BUCKETS_FIRST + 1);
}

// ── buckets ────────────────────────────────────────────────────────────────────────────────────

/** Few have more than eight links: three on average, or up to six where they are to be split. */
@inline
function bucketsFor(blobs: u64): u64 {
  return blobs / 3;
}

/** Records are addresses, multiples of 16: the factor brings them into the higher bits. */
@inline
function hashOf(record: u32): u32 {
  const product = record * 0x9e3779b1;
  return product ^ (product >> 15);
}

@inline
function recordOf(link: u64): u32 {
  return <u32>(link & ~LONGER);
}

@inline
function blobAt(link: u64): usize {
  return pieceAt(<u32>(link >> 32));
}

/** The bucket of what has this hash. */
function bucketOf(hash: u32): usize {
  const buckets = bucketCount();
  const half: u32 = 1 << (31 - clz(buckets));
  const bucket = hash & (2 * half - 1);
  return pieceAt(~(bucket < buckets ? bucket : bucket - half));
}

/** Where the link to the record's blob stands; 0 where there is none. */
function placeOf(record: usize): usize {
  if (!blobCount()) return 0;
  let place = bucketOf(hashOf(<u32>record));
  for (const last = place + LAST; place < last; place += LINK_BYTES) {
    if (recordOf(load<u64>(place)) == <u32>record) return place;
  }
  while (true) {
    const link = load<u64>(place);
    if (recordOf(link) == <u32>record) return place;
    if (!(link & LONGER)) return 0;
    place = blobAt(link) + LINK;
  }
}

function enter(bucket: usize, record: u32, blob: u64): void {
  const last = bucket + LAST;
  let place = bucket;
  while (place < last && load<u64>(place)) place += LINK_BYTES;
  const other = load<u64>(place);
  if (other) store<u64>(pieceAt(<u32>blob), other, LINK);
  store<u64>(place, (blob << 32) | record | (other ? LONGER : 0));
}

/** The link behind this one. */
@inline
function behind(link: u64): u64 {
  return link & LONGER ? load<u64>(blobAt(link), LINK) : 0;
}

/** A bucket more: of the blobs of the one it is split from, those that belong here. */
function widen(): void {
  const added = bucketCount();
  addBucket();
  if (added < BUCKETS_FIRST) return;
  const half: u32 = 1 << (31 - clz(added));
  const split = pieceAt(~(added - half));
  const bucket = pieceAt(~added);
  for (let place = split; place < split + LAST; place += LINK_BYTES) {
    const link = load<u64>(place);
    if (!(hashOf(recordOf(link)) & half)) continue;
    store<u64>(place, 0);
    enter(bucket, recordOf(link), link >> 32);
  }
  let link = load<u64>(split, LAST);
  store<u64>(split, 0, LAST);
  while (link) {
    const next = behind(link);
    enter(hashOf(recordOf(link)) & half ? bucket : split, recordOf(link), link >> 32);
    link = next;
  }
}

// ── blobs ──────────────────────────────────────────────────────────────────────────────────────

/** What was last told of a session; 0 where nothing was. Good until room is made. */
export function blobOf(record: usize): usize {
  const place = placeOf(record);
  return place ? blobAt(load<u64>(place)) : 0;
}

/** Copies the value told to `to`; its end there. */
export function copyTold(blob: usize, to: usize): usize {
  let left = <usize>load<u32>(blob, LENGTH);
  let rest = blob + REST;
  let from = blob + VALUE;
  let bytes = FIRST_BYTES;
  while (true) {
    bytes = min(left, bytes);
    memory.copy(to, from, bytes);
    to += bytes;
    left -= bytes;
    if (!left) return to;
    rest = pieceAt(load<u32>(rest));
    from = rest + REST_VALUE;
    bytes = REST_BYTES;
  }
}

/** Keeps what is told of a session; there is room. */
export function keepBlob(
  record: usize,
  start: i64,
  end: i64,
  revision: u64,
  value: usize,
  length: usize,
): void {
  const blob = blobOf(record) || addBlob(record);
  store<i64>(blob, start, BLOB_START);
  store<i64>(blob, end, BLOB_END);
  store<u64>(blob, revision, BLOB_REVISION);
  store<u32>(blob, <u32>length, LENGTH);
  let rest = blob + REST;
  let to = blob + VALUE;
  let bytes = FIRST_BYTES;
  while (true) {
    bytes = min(length, bytes);
    memory.copy(to, value, bytes);
    value += bytes;
    length -= bytes;
    if (!length) break;
    if (!load<u32>(rest)) store<u32>(rest, takePiece());
    rest = pieceAt(load<u32>(rest));
    to = rest + REST_VALUE;
    bytes = REST_BYTES;
  }
  freePieces(load<u32>(rest));
  store<u32>(rest, 0);
}

function addBlob(record: usize): usize {
  const count = blobCount() + 1;
  store<u32>(head, count, COUNT);
  while (bucketCount() < max(<u32>bucketsFor(count), BUCKETS_FIRST)) widen();
  const piece = takePiece();
  const blob = pieceAt(piece);
  store<u32>(blob, 0, REST);
  enter(bucketOf(hashOf(<u32>record)), <u32>record, piece);
  return blob;
}

/** What was told of the session is told no more. */
export function dropBlob(record: usize): void {
  const place = placeOf(record);
  if (!place) return;
  const link = load<u64>(place);
  store<u64>(place, behind(link));
  store<u32>(head, blobCount() - 1, COUNT);
  const blob = blobAt(link);
  store<u32>(blob, load<u32>(blob, REST), REST_REST);
  freePieces(<u32>(link >> 32));
}

/** A piece, with none behind it. */
function takePiece(): u32 {
  const piece = load<u32>(head, FREE);
  if (piece) {
    const at = pieceAt(piece);
    store<u32>(head, load<u32>(at), FREE);
    store<u32>(at, 0, REST_REST);
    return piece;
  }
  // The first one stands for none.
  if (!pieceCount()) addPiece();
  return addPiece();
}

/** The piece, and those behind it, are free; 0: none is. */
function freePieces(piece: u32): void {
  while (piece) {
    const at = pieceAt(piece);
    const next = load<u32>(at, REST_REST);
    store<u32>(at, load<u32>(head, FREE));
    store<u32>(head, piece, FREE);
    piece = next;
  }
}
