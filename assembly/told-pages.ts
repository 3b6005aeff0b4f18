// The pages of told: pieces of 64 bytes, numbered from 0 upwards, and buckets as large, from -1
// downwards. A page lies in a frame of the memory, which may be moved (regions.ts): that one is in
// the map, by the number of the page.
//
//   map:    ┌─────────────────────────┬───────────────────────────┐
//           │ u16 a page of pieces ─► │ ◄─ u16 a page of buckets  │    frames: address / 64 KiB
//           └─────────────────────────┴───────────────────────────┘
//
// An image has the head, then the pieces, then the buckets, each by their numbers, as if they stood
// one behind the other. The map, itself a frame, is no part of it, nor is where the frames lie.

import { PAGE_BYTES, TOLD_HEAD_BYTES } from "./layout";
import { reserveFrames, takeFrame } from "./regions";

/** As large as a piece. */
const HEAD_BYTES: usize = TOLD_HEAD_BYTES;
export const head: usize = memory.data(TOLD_HEAD_BYTES, 16);
// u32 each: pieces in pages, of which the first stands for none; buckets.
const PIECE_COUNT: usize = 0;
const BUCKET_COUNT: usize = 4;

/** Of a piece, and of a bucket. */
export const PIECE_BYTES: usize = 64;
const PIECES_A_PAGE: u32 = 1024;
const PAGES: u32 = 32768;

let map: usize = 0;

export function openPages(): void {
  memory.fill(head, 0, HEAD_BYTES);
  map = 0;
}

@inline
export function pieceCount(): u32 {
  return load<u32>(head, PIECE_COUNT);
}

@inline
export function bucketCount(): u32 {
  return load<u32>(head, BUCKET_COUNT);
}

@inline
function pagesOf(count: u64): u64 {
  return (count + PIECES_A_PAGE - 1) / PIECES_A_PAGE;
}

/** Where the map has the frame of what has this number. */
@inline
function entryOf(index: u32): usize {
  return map + ((<usize>(index / PIECES_A_PAGE) << 1) % PAGE_BYTES);
}

@inline
function frameOf(entry: usize): usize {
  return <usize>load<u16>(entry) << 16;
}

export function pieceAt(index: u32): usize {
  return frameOf(entryOf(index)) + <usize>(index % PIECES_A_PAGE) * PIECE_BYTES;
}

/** Room for so many more; false where the host has no memory. */
export function reservePages(pieces: u64, buckets: u64): bool {
  const pages = pagesOf(pieceCount() + pieces) + pagesOf(bucketCount() + buckets);
  if (pages > PAGES) return false;
  const before = pagesOf(pieceCount()) + pagesOf(bucketCount());
  return reserveFrames(<u32>(pages - before) + (map ? 0 : 1));
}

function addPage(index: u32): void {
  if (!map) map = takeFrame();
  store<u16>(entryOf(index), <u16>(takeFrame() >> 16));
}

/** The number of the next piece; there is room. */
export function addPiece(): u32 {
  const index = pieceCount();
  if (index % PIECES_A_PAGE == 0) addPage(index);
  store<u32>(head, index + 1, PIECE_COUNT);
  return index;
}

/** Another bucket, of zeros. */
export function addBucket(): void {
  const count = bucketCount();
  if (count % PIECES_A_PAGE == 0) addPage(~count);
  store<u32>(head, count + 1, BUCKET_COUNT);
}

export function frameMoved(from: usize, to: usize): void {
  if (from == map) {
    map = to;
    return;
  }
  let entry = map;
  while (frameOf(entry) != from) entry += 2;
  store<u16>(entry, <u16>(to >> 16));
}

// ── the image ──────────────────────────────────────────────────────────────────────────────────

@inline
function piecesEnd(): usize {
  return HEAD_BYTES + <usize>pieceCount() * PIECE_BYTES;
}

export function imageBytes(): usize {
  return pieceCount() ? piecesEnd() + <usize>bucketCount() * PIECE_BYTES : 0;
}

/** Where the image's byte `at` lies. */
export function imageAt(at: usize): usize {
  return at < HEAD_BYTES ? head + at : pieceAt(numberAt(at)) + (at % PIECE_BYTES);
}

function numberAt(at: usize): u32 {
  const index = <u32>(at / PIECE_BYTES) - 1;
  return index < pieceCount() ? index : index - pieceCount() - bucketCount();
}

/** How many bytes of the image lie there one behind the other. */
export function imageRun(at: usize): usize {
  if (at < HEAD_BYTES) return HEAD_BYTES;
  const end = at < piecesEnd() ? piecesEnd() : imageBytes();
  return min(end - at, PAGE_BYTES - (imageAt(at) % PAGE_BYTES));
}

/** Pages for the image whose head was copied in; false where the host has no memory. */
export function restorePages(): bool {
  const pieces = pieceCount();
  const buckets = bucketCount();
  if (!pieces) return true;
  if (!reserveFrames(<u32>(pagesOf(pieces) + pagesOf(buckets)) + 1)) return false;
  for (let i: u32 = 0; i < pieces; i += PIECES_A_PAGE) addPage(i);
  for (let i: u32 = 0; i < buckets; i += PIECES_A_PAGE) addPage(~i);
  return true;
}
