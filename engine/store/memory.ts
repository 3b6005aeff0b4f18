// The memory store: a log that lives as long as this object does. It answers synchronously, keeps
// the entries as they were pushed, and encodes their chunk when it is read, a long one in steps;
// the chain is made when it is asked for. `close` keeps what it holds, so that the same log can be
// opened once more.

import { digestOf, GENESIS } from "./chain.ts";
import {
  archivedBy,
  checkAppend,
  checkKept,
  checkPutBack,
  checkTrim,
  decodeChunk,
  encodeChunk,
  encodeSteps,
  exactBytes,
  hasWrite,
  notHeld,
  type Chunk,
} from "./chunk.ts";
import { HostFault } from "./host-fault.ts";
import { drained, paced, type Breathe, type Steps } from "./steps.ts";
import type {
  Append,
  HeldLine,
  LogHeader,
  MaybePromise,
  Recovered,
  ReleasedIdentity,
  Store,
  StoredSnapshot,
} from "./store.ts";

const SNAPSHOTS_KEPT = 2;

export function memory(): Store {
  return new MemoryStore();
}

class MemoryStore implements Store {
  readonly storage = "memory";
  #header: LogHeader | null = null;
  #endPosition = 0;
  #trimmedTo = 0;
  #archivedTo = 0;
  /** Encoded once they were read. */
  #chunks: (Uint8Array | Chunk)[] = [];
  /** The first position of each chunk, for the search by position. */
  #starts: number[] = [];
  readonly #held = new Map<string, HeldLine>();
  readonly #released = new Map<string, ReleasedIdentity>();
  #snapshots: StoredSnapshot[] = [];
  /** So many chunks, the oldest, carry the digest of the one before them. */
  #sealedCount = 0;
  #newestSealed: Uint8Array = GENESIS;

  recover(): Recovered | null {
    if (this.#header === null) return null;
    return {
      header: this.#header,
      endPosition: this.#endPosition,
      trimmedTo: this.#trimmedTo,
      archivedTo: this.#archivedTo,
      held: [...this.#held.values()],
      released: [...this.#released.values()],
      snapshots: [...this.#snapshots],
    };
  }

  create(header: LogHeader): void {
    if (this.#header !== null) {
      throw new HostFault("storage_unavailable", "This store holds a log already: recover it.");
    }
    this.#header = { version: header.version, hashKey: exactBytes(header.hashKey) };
  }

  append(write: Append): void {
    this.#assertCreated();
    checkAppend(write, this.#endPosition);
    const chunk = write.entries ?? (write.chunk === null ? null : exactBytes(write.chunk));
    const held = write.held.map((line) => ({ ...line, line: exactBytes(line.line) }));
    const known = new Set<string>();
    for (const { id } of held) {
      if (known.has(id) || this.#held.has(id)) {
        throw new HostFault("storage_unavailable", `The held line ${id} is kept already.`);
      }
      known.add(id);
    }
    for (const id of write.letGo) if (!this.#held.has(id)) throw notHeld(id);
    // Nothing below can fail, so nothing above is half done.
    if (chunk !== null) {
      this.#chunks.push(chunk);
      this.#starts.push(write.firstPosition);
    }
    for (const line of held) this.#held.set(line.id, line);
    for (const id of write.letGo) this.#held.delete(id);
    for (const identity of write.forgotten) this.#released.delete(identity);
    for (const each of write.remembered) {
      this.#released.delete(each.identity);
      this.#released.set(each.identity, each);
    }
    this.#endPosition = write.endPosition;
  }

  hasLanded(write: Append): boolean {
    return hasWrite(write, this.#endPosition, (id) => this.#held.has(id));
  }

  read(from: number, limitBytes: number, breathe?: Breathe): MaybePromise<readonly Uint8Array[]> {
    const steps = this.#reading(from, limitBytes);
    return breathe === undefined ? drained(steps) : paced(steps, breathe);
  }

  *#reading(from: number, limitBytes: number): Steps<readonly Uint8Array[]> {
    const read: Uint8Array[] = [];
    let bytes = 0;
    // Chunks may go, or come back, between two steps.
    for (let next = from; next < this.#endPosition && (next === from || bytes < limitBytes);) {
      checkKept(next, this.#trimmedTo);
      const index = this.#chunkOf(next);
      const kept = this.#chunks[index]!;
      const end = this.#starts[index + 1] ?? this.#endPosition;
      const encoded = kept instanceof Uint8Array ? kept : yield* encodeSteps(kept);
      const now = this.#chunkOf(next);
      if (this.#chunks[now] === kept) this.#chunks[now] = encoded;
      read.push(encoded);
      bytes += encoded.length;
      next = end;
    }
    return read;
  }

  async seal(): Promise<void> {
    while (this.#sealedCount < this.#chunks.length) {
      const index = this.#sealedCount;
      const kept = this.#chunks[index]!;
      const chunk = kept instanceof Uint8Array ? decodeChunk(kept) : kept;
      const sealed = encodeChunk({ ...chunk, previousDigest: this.#newestSealed });
      const digest = await digestOf(sealed);
      // Another call may have come this far meanwhile, and more may be trimmed.
      if (this.#sealedCount !== index || this.#chunks[index] !== kept) continue;
      this.#chunks[index] = sealed;
      this.#newestSealed = digest;
      this.#sealedCount++;
    }
  }

  async trim(to: number, isArchived = false): Promise<void> {
    this.#assertCreated();
    // What stays carries the digest of what goes.
    await this.seal();
    const count = this.#starts.indexOf(to);
    checkTrim(to, count >= 0);
    this.#chunks.splice(0, count);
    this.#starts.splice(0, count);
    this.#sealedCount -= count;
    for (const { identity, position } of [...this.#released.values()]) {
      if (position < to) this.#released.delete(identity);
    }
    const before = { trimmedTo: this.#trimmedTo, archivedTo: this.#archivedTo };
    this.#archivedTo = archivedBy(before, to, isArchived);
    this.#trimmedTo = to;
  }

  putBack(chunk: Uint8Array): void {
    this.#assertCreated();
    const position = checkPutBack(chunk, this.#trimmedTo);
    this.#chunks.unshift(exactBytes(chunk));
    this.#starts.unshift(position);
    this.#sealedCount++;
    this.#trimmedTo = position;
  }

  saveSnapshot(snapshot: StoredSnapshot): void {
    this.#assertCreated();
    const kept = this.#snapshots.filter(({ position }) => position !== snapshot.position);
    kept.push({ position: snapshot.position, bytes: exactBytes(snapshot.bytes) });
    kept.sort((a, b) => b.position - a.position);
    this.#snapshots = kept.slice(0, SNAPSHOTS_KEPT);
  }

  close(): void {}

  /** The index of the last chunk that begins at `position` or before it. */
  #chunkOf(position: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= position) low = middle;
      else high = middle;
    }
    return low;
  }

  #assertCreated(): void {
    if (this.#header === null) {
      throw new HostFault("storage_unavailable", "This store holds no log: create it first.");
    }
  }
}
