// Everything that crosses between a page and its host, and between the hosts of one log.
//
//   page ── comlink on a MessagePort: HostApi ──► host (a worker, or the page itself)
//   page ◄── another port: HostEvent ──────────── host
//   host ◄── BroadcastChannel `millrace:NAME`: TabMessage ──► the hosts of other tabs
//
// A call is a verb and its words; its answer is an Outcome, since an Error that is posted loses its
// code. Rows and changes cross as JSON in a buffer of their own, which a port transfers.

import { decoder, encoder } from "../event/utf8.ts";
import type { LateEvent } from "../core/core.ts";
import type { SubscribeFrom } from "../catch-up.ts";
import type { LogRange } from "../store/log-reader.ts";
import type { PushOptions } from "../ingest/input.ts";
import type { Explanation } from "../explain.ts";
import type { QuarantineEntry } from "../ingest/quarantine.ts";
import type { Receipt } from "../ingest/receipt.ts";
import type { RefusedLine } from "../ingest/refused-lines.ts";
import type { Change, ChangeWindow, Key } from "../live/change.ts";
import type { RowDelta } from "../live/mirror.ts";
import type { Stats } from "../live/stats.ts";
import type { RowFilter } from "../live/view.ts";
import type { Verified } from "../store/chain.ts";
import type { Outcome } from "./outcome.ts";

export { BUILD } from "../build.ts";

/** `worker`, `blob` and `main` say where the host runs; `follower`: it asks another tab's. */
export type ConnectMode = "worker" | "blob" | "main" | "follower";

/** Where the log is: shared by the tabs of this origin, or this host's alone. */
export type ConnectStorage = "indexeddb" | "memory";

/** A page of the log in the exported form, whole chunks; `next` is null at the end. */
export interface LogPage {
  readonly chunks: readonly string[];
  readonly next: number | null;
}

/** What a subscription begins with; `"rows"`: a view's rows, then what each push does to them. */
export type TellFrom = SubscribeFrom | "rows";

/** A view as a whole, or what a push did to it. */
export interface RowsTold extends RowDelta {
  readonly isWhole: boolean;
}

/** The verbs that a host is called by, with their words and what they give. */
export interface Verbs {
  push: { words: [lines: ArrayBuffer, options: PushOptions]; gives: Receipt };
  tick: { words: [timeMs: number]; gives: null };
  release: { words: [ids: readonly string[], options: { receivedAt?: number }]; gives: Receipt };
  reprocess: { words: [query: string, range: { from: number; to: number }]; gives: Change[] };
  /** Rows as JSON. */
  rows: { words: [query: string, filter: RowFilter]; gives: ArrayBuffer };
  late: { words: [query: string]; gives: LateEvent[] };
  quarantine: { words: []; gives: QuarantineEntry[] };
  refused: { words: []; gives: RefusedLine[] };
  /** From what the log keeps on, where `from` is undefined. */
  log: { words: [from: number | undefined, to: number]; gives: LogPage };
  explain: { words: [query: string, key: Key, window: ChangeWindow]; gives: Explanation };
  verify: { words: [range: LogRange]; gives: Verified };
  stats: { words: []; gives: Stats };
  stateHash: { words: []; gives: string };
  snapshot: { words: []; gives: { position: number } };
}

export type Verb = keyof Verbs;
export type WordsOf<V extends Verb> = Verbs[V]["words"];
export type GivenBy<V extends Verb> = Verbs[V]["gives"];

/** Those that mean the same under every plan: a follower with another plan may call them. */
export const PLANLESS: ReadonlySet<Verb> = new Set<Verb>([
  "push",
  "tick",
  "release",
  "quarantine",
  "refused",
  "log",
  "verify",
  "snapshot",
]);

/** Those that add to the log. */
export const WRITING: ReadonlySet<Verb> = new Set<Verb>(["push", "tick", "release", "reprocess"]);

/** Those that say something else when they are done twice: they are asked once. */
export const ONCE: ReadonlySet<Verb> = new Set<Verb>(["release", "reprocess"]);

export interface HostOptions {
  readonly plan: unknown;
  readonly name: string;
  readonly storage: ConnectStorage;
  /** When the page began, ms since 1970: of two plans the later page's is the newer. */
  readonly since: number;
  readonly deadlineMs: number;
  readonly idleTicks: boolean;
  readonly retention: HostRetention | null;
  /** Held by the worker of the host while it lives; null where the host has none. */
  readonly aliveLock: string | null;
}

/** Retention as it crosses: the archive, a function, stays on the page. */
export interface HostRetention {
  readonly days: number;
  /** The page is sent each chunk, and nothing is trimmed before its answer. */
  readonly hasArchive: boolean;
}

/** What the page calls over comlink: a handful of coarse calls. */
export interface HostApi {
  /** Resolves when the log is open, here or in the tab that has it. */
  start(options: HostOptions, events: MessagePort): Promise<Outcome<null>>;
  call(verb: Verb, words: readonly unknown[]): Promise<Outcome<HostAnswer>>;
  subscribe(subscription: number, query: string, from: TellFrom): void;
  unsubscribe(subscription: number): void;
  /** The page is hidden and may not come back: saves what has changed. */
  hide(): void;
  /** Answered at once by a host that lives. */
  ping(): true;
  /** What the page's archive said to the chunk that was sent as `id`. */
  archived(id: number, outcome: Outcome<null>): void;
  /** The page's answer to the event `ping`. */
  alive(): void;
  close(): Promise<Outcome<null>>;
}

export interface HostAnswer {
  readonly value: unknown;
  /** Another tab answered. */
  readonly isFollower: boolean;
}

/** What a host tells its page unasked. */
export type HostEvent =
  /** JSON: changes, or RowsTold. Null: all that was since a position was told. */
  | { readonly kind: "told"; readonly subscription: number; readonly told: ArrayBuffer | null }
  /** A chunk for the page's archive; `archived` answers. */
  | {
      readonly kind: "archive";
      readonly id: number;
      readonly position: number;
      readonly endPosition: number;
      readonly bytes: ArrayBuffer;
    }
  /** Asked while the archive has a chunk; a page that lives calls `alive`. */
  | { readonly kind: "ping" }
  /** Subscriptions stand still from here on: one; or all, and the host is of no more use. */
  | { readonly kind: "fault"; readonly outcome: Outcome<never>; readonly subscription?: number };

/** Who a host is; of two hosts with different plans or builds the newer one has the log. */
export interface Introduction {
  readonly host: string;
  readonly build: string;
  /** SHA-256 of the plan as given. */
  readonly fingerprint: string;
  readonly since: number;
  /** The lock of its worker, or its own, which is free when that is gone. */
  readonly aliveLock: string | null;
}

/** A subscription of another tab, named by its host and its number there. */
export interface TabSubscription {
  readonly host: string;
  readonly subscription: number;
}

/** What hosts say to one another. The first two keep their shape for ever: old builds read them. */
export type TabMessage =
  | { readonly kind: "follows"; readonly who: Introduction }
  | { readonly kind: "leads"; readonly who: Introduction; readonly position: number }
  | { readonly kind: "leaves"; readonly host: string }
  /** Asked of whoever holds the lock. */
  | { readonly kind: "ping" }
  | { readonly kind: "pong" }
  | {
      readonly kind: "call";
      readonly to: string;
      readonly from: string;
      readonly id: number;
      readonly verb: Verb;
      readonly words: readonly unknown[];
    }
  | {
      readonly kind: "answer";
      readonly to: string;
      readonly id: number;
      readonly outcome: Outcome<unknown>;
    }
  | {
      readonly kind: "subscribe";
      readonly to: string;
      readonly subscription: TabSubscription;
      readonly query: string;
      readonly start: TellFrom;
    }
  | { readonly kind: "unsubscribe"; readonly to: string; readonly subscription: TabSubscription }
  | {
      readonly kind: "told";
      readonly from: string;
      readonly subscription: TabSubscription;
      /** Null: from here on it is told what happens as it happens. */
      readonly told: ArrayBuffer | null;
      /** The position below which this subscription was told all. */
      readonly through: number;
    }
  /** Nothing more is told to this subscription. */
  | {
      readonly kind: "ended";
      readonly from: string;
      readonly subscription: TabSubscription;
      readonly outcome: Outcome<never>;
    }
  /** All changes below `position` were told. */
  | { readonly kind: "applied"; readonly from: string; readonly position: number };

/** Those to one host, and those by which a leader tells all. */
export type TabLetter = Extract<TabMessage, { readonly to: string }>;
export type TabNews = Extract<TabMessage, { readonly kind: "told" | "ended" | "applied" }>;

/** Held by the one host that has the log open. */
export function lockOf(name: string): string {
  return `millrace:${name}`;
}

export function channelOf(name: string): string {
  return `millrace:${name}`;
}

/** Posted by a worker that is ready for a port; it holds the lock of this name while it lives. */
export interface Ready {
  readonly millrace: string;
  /** Null where there are no Web Locks. */
  readonly aliveLock: string | null;
}

export function encodeJson(value: unknown): ArrayBuffer {
  return encoder.encode(JSON.stringify(value)).buffer;
}

/** This is the inverse of `encodeJson`. */
export function decodeJson<T>(bytes: ArrayBuffer): T {
  return JSON.parse(decoder.decode(bytes)) as T;
}
