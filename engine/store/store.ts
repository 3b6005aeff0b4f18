// The store contract: what the engine asks of a place that keeps its log. One engine writes to a
// store at a time; one contract suite (test/store/contract.ts) runs over every implementation.
//
// - `append` is atomic: the chunk, what it holds and lets go, and the end position are written
//   together, or nothing is. When it returns (or its promise resolves) it is as durable as
//   `storage` says.
// - A synchronous store answers synchronously, so that in a Durable Object append, apply and
//   publish run in one turn; the engine awaits only what is a promise.

import type { QuarantineCode } from "../event/fault.ts";
import type { Chunk } from "./chunk.ts";
import type { Breathe } from "./steps.ts";

export type MaybePromise<T> = T | Promise<T>;

export type StorageMode = "durable" | "best-effort" | "memory";

/** What is fixed when a log is created, and never changes. */
export interface LogHeader {
  /** Version of the log's format. */
  readonly version: number;
  /** 16 bytes; keys every hash table of the core, drawn by the host at creation. */
  readonly hashKey: Uint8Array;
}

/** A quarantined line, kept beside the log until it is released. */
export interface HeldLine {
  readonly id: string;
  readonly code: QuarantineCode;
  /** ms since 1970, null where unknown. */
  readonly receivedAt: number | null;
  /** The line's bytes as received. */
  readonly line: Uint8Array;
}

/** The identity of an event that was released: what the table of identities may not know. */
export interface ReleasedIdentity {
  /** Its fingerprint, 32 hex digits. */
  readonly identity: string;
  /** Where the event stands in the log. */
  readonly position: number;
}

export interface Append {
  /**
   * The encoded chunk (chunk.ts), an exact-length buffer; null when a push only holds lines. The
   * engine encodes it when it is asked for.
   */
  readonly chunk: Uint8Array | null;
  /** What it encodes, for a store that keeps no bytes. */
  readonly entries?: Chunk | null;
  /** Position of the chunk's first entry, and of the first entry after it. */
  readonly firstPosition: number;
  readonly endPosition: number;
  /** Lines newly held by this push. */
  readonly held: readonly HeldLine[];
  /** Ids of held lines that leave the list, being released. */
  readonly letGo: readonly string[];
  /** Identities that are remembered beside the held lines from now on, each in its newest place. */
  readonly remembered: readonly ReleasedIdentity[];
  /** Identities of earlier releases that are forgotten for them. */
  readonly forgotten: readonly string[];
}

export interface StoredSnapshot {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** What a store holds when it is opened. */
export interface Recovered {
  readonly header: LogHeader;
  /** The next position, as the header record says (written with every append). */
  readonly endPosition: number;
  /** The first position that is kept: those below it were trimmed. 0 where all are there. */
  readonly trimmedTo: number;
  /** An archive has all before this position, also what was put back since. 0 where it has none. */
  readonly archivedTo: number;
  readonly held: readonly HeldLine[];
  /** By position. */
  readonly released: readonly ReleasedIdentity[];
  /** The two newest at most, newest first. */
  readonly snapshots: readonly StoredSnapshot[];
}

export interface Store {
  readonly storage: StorageMode;
  /**
   * What the store holds; null when it is new. Given `breathe`, a store that can reads snapshots in
   * steps of so many bytes; one that is replaced meanwhile may be left out, or not whole.
   */
  recover(breathe?: Breathe): MaybePromise<Recovered | null>;
  /** Makes a new log. Called once, when `recover` gave null. */
  create(header: LogHeader): MaybePromise<void>;
  append(write: Append): MaybePromise<void>;
  /**
   * Whether `write`, of which this store told that it failed, was written all the same. HostFault
   * `storage_unavailable` where the log ends neither before it nor behind it.
   */
  hasLanded(write: Append): MaybePromise<boolean>;
  /**
   * Whole chunks in order, from the one that holds position `from`, about `limitBytes` of them and
   * at least one; empty at the end of the log. Given `breathe`, a store that can reads and checks a
   * long chunk in steps of so many bytes. HostFault `log_trimmed` below what is kept.
   */
  read(from: number, limitBytes: number, breathe?: Breathe): MaybePromise<readonly Uint8Array[]>;
  /**
   * Forgets the chunks below `to`, where a chunk begins, and the identities that were released in
   * them: all at once, like an append. It is remembered, so that nobody takes them for lost; and
   * whether an archive has them all (`isArchived`), so that it is not given them again.
   */
  trim(to: number, isArchived?: boolean): MaybePromise<void>;
  /**
   * Puts a chunk that was trimmed back before those that are kept: it ends where they begin. Of a
   * store that keeps its log for good. HostFault `chunk_broken`.
   */
  putBack?(chunk: Uint8Array): MaybePromise<void>;
  /**
   * Makes the chain (chain.ts) of the chunks that it holds. A store that has this is given chunks
   * without their digests; any other is given them with each append.
   */
  seal?(): MaybePromise<void>;
  /**
   * Keeps the two newest snapshots. Given `breathe`, a store that can writes a long one in steps of
   * so many bytes; until the last, what it had stands.
   */
  saveSnapshot(snapshot: StoredSnapshot, breathe?: Breathe): MaybePromise<void>;
  close(): MaybePromise<void>;
}
