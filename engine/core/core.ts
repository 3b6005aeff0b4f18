// The core, as TypeScript sees it: typed verbs over the exports of assembly/index.ts. One instance
// an engine, nothing shared. The memory's views are remade here, in one place, since any call may
// make the memory grow; whoever asked for a view before a call asks again after it.

import { decoder } from "../event/utf8.ts";
import * as layout from "../../assembly/layout.ts";
import { HostFault } from "../store/host-fault.ts";
import type { ImageParts, Snapshot } from "../store/snapshot.ts";
import { drained, STEP_BYTES, type Steps } from "../store/steps.ts";

interface Exports {
  open(): number;
  startAt(position: number): void;
  begin(bytes: number): number;
  scan(bytes: number, receivedAt: number): number;
  lines(): number;
  odd(line: number): number;
  unsettled(line: number): number;
  gather(): number;
  extend(bytes: number): number;
  sealLine(line: number): void;
  probe(): number;
  accept(): void;
  seal(): void;
  reserve(isFirst: boolean): number;
  years(most: number): number;
  yearList(): number;
  bring(bytes: number): number;
  batch(): number;
  apply(): number;
  end(): void;
  hold(bytes: number): number;
  reserveCorrections(most: number): number;
  correct(most: number): number;
  flushBegin(isFirst: boolean): number;
  flush(): number;
  trace(query: number, start: number, end: number): void;
  watch(query: number, on: number): void;
  readBegin(): number;
  readEnd(): void;
  rowsKey(bytes: number): number;
  rowsBegin(query: number, keyBytes: number): number;
  rowsPark(): void;
  rowsResume(query: number): number;
  rows(from: number, to: number): number;
  out(): number;
  take(): number;
  late(query: number): number;
  lateList(): number;
  stats(): number;
  due(): number;
  queryStats(query: number): number;
  stateLength(): number;
  toldLength(): number;
  toldAt(at: number): number;
  toldRun(at: number): number;
  restore(stateLength: number): number;
}

/** What the core writes for a time where there is none. */
const NO_TIME = -(2n ** 63n);

const PAGES_FIRST = 16;
/** 2 GiB; asconfig.json names the same maximum. */
export const PAGES_MAX = 32768;

/** The numbers of one query, as the core keeps them. */
export interface QueryCounts {
  readonly applied: number;
  readonly late: number;
  readonly unkeyed: number;
  /** Facts of spans that came too late to be taken in order. */
  readonly lateFacts: number;
  readonly repeated: number;
  readonly unmatched: number;
  /** Events and facts that wait. */
  readonly waiting: number;
  readonly open: number;
  readonly rows: number;
}

export interface CoreCounts {
  /** ms since 1970; null before the first event or tick. */
  readonly clock: number | null;
  readonly position: number;
  readonly inexact: number;
  /** Identities of earlier event times are forgotten; null before the first event or tick. */
  readonly horizon: number | null;
  /** Identities forgotten for want of room. */
  readonly forgotten: number;
  readonly identities: number;
  /** The clock at the last event that moved it, and that event's receive time; null: none. */
  readonly movedClock: number | null;
  readonly movedReceivedAt: number | null;
}

export interface LateEvent {
  readonly position: number;
  /** Null for a fact of a span. */
  readonly window: { readonly start: number; readonly end: number } | null;
  readonly lateMs: number;
}

/** A core with a fresh state for a program, compile.ts's. */
export type OpenCore = (program: { readonly bytes: Uint8Array }) => Promise<Core>;

/** So many rows are corrected, or looked at for that, in one step: less than a millisecond. */
const CORRECTED_ROWS = 2048;

export class Core {
  readonly #exports: Exports;
  readonly #memory: WebAssembly.Memory;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;

  /**
   * An instance with a fresh state. `module` is a WebAssembly.Module, which not all hosts' types
   * know; `program` is compile.ts's; `pagesMax` of 64 KiB each.
   */
  constructor(module: object, program: Uint8Array, pagesMax = PAGES_MAX) {
    this.#memory = new WebAssembly.Memory({ initial: PAGES_FIRST, maximum: pagesMax });
    const formatNumber = (x: number, to: number): number => this.#formatNumber(x, to);
    const parseNumber = (at: number, length: number): number => this.#parseNumber(at, length);
    const remainder = (x: number, y: number): number => x % y;
    const env = { memory: this.#memory, formatNumber, parseNumber, remainder };
    const instance = new WebAssembly.Instance(module as WebAssembly.Module, { env });
    this.#exports = instance.exports as unknown as Exports;
    this.#bytes = new Uint8Array(this.#memory.buffer as ArrayBuffer);
    this.#view = new DataView(this.#bytes.buffer);
    this.#bytes.set(program, layout.PROGRAM);
    this.#must(this.#exports.open(), "open a plan");
  }

  /** Writes a number's canonical text (RFC 8785), which is ECMAScript's; all of it is ASCII. */
  #formatNumber(x: number, to: number): number {
    const text = String(x);
    const { bytes } = this;
    for (let at = 0; at < text.length; at++) bytes[to + at] = text.charCodeAt(at);
    return text.length;
  }

  /** The double that a JSON number, all ASCII, stands for. */
  #parseNumber(at: number, length: number): number {
    return Number(decoder.decode(this.bytes.subarray(at, at + length)));
  }

  /** A view of the whole memory, good until the next call of the core. */
  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.#bytes.buffer !== this.#memory.buffer) {
      this.#bytes = new Uint8Array(this.#memory.buffer as ArrayBuffer);
    }
    return this.#bytes;
  }

  get view(): DataView<ArrayBuffer> {
    if (this.#view.buffer !== this.#memory.buffer) {
      this.#view = new DataView(this.#memory.buffer as ArrayBuffer);
    }
    return this.#view;
  }

  /** Memory that the instance holds, in bytes. */
  get memoryBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /** The first entry of this fresh instance will stand at `position`. */
  startAt(position: number): void {
    this.#exports.startAt(position);
  }

  // ── a batch ──────────────────────────────────────────────────────────────────────────────────

  /** The address of the scratch header of a batch of `bytes`. HostFault `state_full`. */
  begin(bytes: number): number {
    return this.#must(this.#exports.begin(bytes), "hold a push");
  }

  /** Cuts the batch's `bytes` into lines, and fills what the fast lane is sure of. */
  scan(bytes: number, receivedAt: number | null): void {
    this.#must(this.#exports.scan(bytes, receivedAt ?? NaN), "hold a push");
  }

  /** How many lines the batch has. */
  get lines(): number {
    return this.#exports.lines();
  }

  /** The first line from `line` on that the scan left to the strict lane; `lines` if none. */
  oddFrom(line: number): number {
    return this.#exports.odd(line);
  }

  /** After `probe`, the first line from `line` on that is to be settled; `lines` if none. */
  unsettledFrom(line: number): number {
    return this.#exports.unsettled(line);
  }

  /** After `probe`, the accepted lines, each ended by a newline: `length` bytes. */
  entries(length: number): Uint8Array {
    const at = this.#must(this.#exports.gather(), "append a push");
    return this.bytes.slice(at, at + length);
  }

  extend(bytes: number): void {
    this.#must(this.#exports.extend(bytes), "hold a push");
  }

  /** Hashes the envelope that the host wrote of a line's event. */
  sealLine(line: number): void {
    this.#exports.sealLine(line);
  }

  /** Gives every line its verdict; nothing else changes. */
  probe(): void {
    this.#must(this.#exports.probe(), "look at a push");
  }

  /** Accepts every line: they are entries of the log. */
  accept(): void {
    this.#exports.accept();
  }

  /** In the place of `probe` for entries of the log, whose verdict is set already. */
  seal(): void {
    this.#exports.seal();
  }

  /** The years of zones that the accepted lines may need and the state lacks; null: over `most`. */
  missingYears(most: number): { zone: number; year: number }[] | null {
    const count = this.#exports.years(most);
    this.#must(count + 1, "list the years of its time zones");
    if (count > most) return null;
    const list = this.#exports.yearList();
    return Array.from({ length: count }, (_, index) => {
      const at = list + index * 8;
      return { zone: this.view.getUint32(at, true), year: this.view.getInt32(at + 4, true) };
    });
  }

  /** Puts years of zones (ingest/zone-years.ts) into the batch. */
  bringYears(years: Uint8Array): void {
    const at = this.#must(this.#exports.bring(years.length), "hold the years of its time zones");
    this.bytes.set(years, at);
  }

  /** Room for applying the accepted lines; the last thing before the append. */
  reserve(): void {
    drained(this.reserveSteps());
  }

  /** The same in steps; nobody else uses the core meanwhile. */
  reserveSteps(): Steps<void> {
    return this.#reserving((first) => this.#exports.reserve(first), "apply a push");
  }

  *#reserving(reserve: (first: boolean) => number, what: string): Steps<void> {
    for (let first = true; this.#must(reserve(first), what) > 1; first = false) yield STEP_BYTES;
  }

  /** Where the scratch header lies after `reserve`. */
  get batch(): number {
    return this.#exports.batch();
  }

  /**
   * Applies the accepted lines; `emit` gets the records of changes, buffer by buffer: views, good
   * until the next call. So it is wherever records are handed out.
   */
  apply(emit: (records: Uint8Array) => void): void {
    this.#drain(() => this.#exports.apply(), emit);
  }

  /** The same in steps, each of so many bytes; between two the state is no state. */
  applySteps(emit: (records: Uint8Array) => void): Generator<number, void, undefined> {
    return this.#drainSteps(() => this.#exports.apply(), emit);
  }

  /** Gives the batch back: the push is over, applied or not. */
  end(): void {
    this.#exports.end();
  }

  /** Takes in what a reprocess found (CHANGE_… records), with room for it; no state moves. */
  holdCorrections(records: Uint8Array): void {
    drained(this.holdSteps(records));
  }

  /** The same in steps, each of so many bytes; nobody else uses the core meanwhile. */
  *holdSteps(records: Uint8Array): Steps<void> {
    const to = this.#must(this.#exports.hold(records.length), "hold corrections");
    for (let at = 0; at < records.length; at += STEP_BYTES) {
      this.bytes.set(records.subarray(at, at + STEP_BYTES), to + at);
      if (at + STEP_BYTES < records.length) yield STEP_BYTES;
    }
    const room = (): number => this.#exports.reserveCorrections(CORRECTED_ROWS);
    while (this.#must(room(), "apply corrections") > 1) yield STEP_BYTES;
  }

  /** Applies them: one entry. Between two steps, which count rows, the state is no state. */
  *correctSteps(): Generator<number, void, undefined> {
    while (this.#exports.correct(CORRECTED_ROWS) !== 0) yield CORRECTED_ROWS;
  }

  /** Makes every window final. */
  flush(emit: (records: Uint8Array) => void): void {
    drained(this.flushSteps(emit));
  }

  /** The same in steps, as `applySteps`. */
  *flushSteps(emit: (records: Uint8Array) => void): Steps<void> {
    yield* this.#reserving((first) => this.#exports.flushBegin(first), "flush");
    yield* this.#drainSteps(() => this.#exports.flush(), emit);
  }

  /**
   * From now on what the query's window takes, under any key, stands among the changes
   * (live/trace.ts); of sessions what any takes that overlaps or touches it.
   */
  trace(query: number, { start, end }: { start: number | null; end: number | null }): void {
    this.#exports.trace(query, start ?? Number(NO_TIME), end ?? Number(NO_TIME));
  }

  /** Whether each push from now on tells the rows that it changed of the query (mirror.ts). */
  watch(query: number, on: boolean): void {
    this.#exports.watch(query, on ? 1 : 0);
  }

  /**
   * The rows of a query whose windows touch [from, to), in no order; of one key where its values
   * are given (live/record.ts), of all where they are null.
   */
  rows(
    query: number,
    from: number,
    to: number,
    key: Uint8Array | null,
    emit: (records: Uint8Array) => void,
  ): void {
    this.#read("read a view", () => {
      const keyBytes = key?.length ?? 0;
      if (key !== null && keyBytes > 0) {
        const at = this.#must(this.#exports.rowsKey(keyBytes), "read a view");
        this.bytes.set(key, at);
      }
      this.#must(this.#exports.rowsBegin(query, keyBytes), "read a view");
      this.#drain(() => this.#exports.rows(from, to), emit);
    });
  }

  /** All rows of a query, buffer by buffer; others may read between two, while no state moves. */
  *rowSteps(query: number): Generator<Uint8Array, void, undefined> {
    const exports = this.#exports;
    for (let more = 1, isBegun = false; more !== 0; isBegun = true) {
      yield this.#read("read a view", () => {
        const begun = isBegun ? exports.rowsResume(query) : exports.rowsBegin(query, 0);
        this.#must(begun, "read a view");
        more = exports.rows(-Infinity, Infinity);
        exports.rowsPark();
        const start = exports.out();
        return this.bytes.slice(start, start + exports.take());
      });
    }
  }

  #drain(step: () => number, emit: (records: Uint8Array) => void): void {
    drained(this.#drainSteps(step, emit));
  }

  *#drainSteps(
    step: () => number,
    emit: (records: Uint8Array) => void,
  ): Generator<number, void, undefined> {
    for (;;) {
      const more = step();
      const start = this.#exports.out();
      const length = this.#exports.take();
      if (length > 0) emit(this.bytes.subarray(start, start + length));
      if (more === 0) return;
      yield length;
    }
  }

  // ── counts and lists ─────────────────────────────────────────────────────────────────────────

  counts(): CoreCounts {
    const at = this.#exports.stats();
    const number = (offset: number): number => this.view.getFloat64(at + offset, true);
    const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value);
    return {
      clock: orNull(number(layout.ENGINE_CLOCK)),
      position: number(layout.ENGINE_POSITION),
      inexact: number(layout.ENGINE_INEXACT),
      horizon: orNull(number(layout.ENGINE_HORIZON)),
      forgotten: number(layout.ENGINE_FORGOTTEN),
      identities: number(layout.ENGINE_IDENTITIES),
      movedClock: orNull(number(layout.ENGINE_MOVED_CLOCK)),
      movedReceivedAt: orNull(number(layout.ENGINE_MOVED_RECEIVED)),
    };
  }

  /** The first instant of the clock at which a window closes or what waits is taken; null: none. */
  due(): number | null {
    const due = this.#exports.due();
    return Number.isNaN(due) ? null : due;
  }

  queryCounts(query: number): QueryCounts {
    const at = this.#exports.queryStats(query);
    const number = (offset: number): number => this.view.getFloat64(at + offset, true);
    return {
      applied: number(layout.STATS_APPLIED),
      late: number(layout.STATS_LATE),
      unkeyed: number(layout.STATS_UNKEYED),
      lateFacts: number(layout.STATS_LATE_FACTS),
      repeated: number(layout.STATS_REPEATED),
      unmatched: number(layout.STATS_UNMATCHED),
      waiting: number(layout.STATS_WAITING),
      open: number(layout.STATS_OPEN),
      rows: number(layout.STATS_ROWS),
    };
  }

  /** The listed late events of a query, oldest first. */
  late(query: number): LateEvent[] {
    return this.#read("list late events", () => {
      const count = this.#exports.late(query);
      const { view } = this;
      const list = this.#exports.lateList();
      return Array.from({ length: count }, (_, index) => {
        const at = list + index * layout.LATE_BYTES;
        const start = view.getBigInt64(at + layout.LATE_START, true);
        const end = view.getBigInt64(at + layout.LATE_END, true);
        return {
          position: view.getFloat64(at + layout.LATE_POSITION, true),
          window: start === NO_TIME ? null : { start: Number(start), end: Number(end) },
          lateMs: Number(view.getBigInt64(at + layout.LATE_MS, true)),
        };
      });
    });
  }

  // ── the image ────────────────────────────────────────────────────────────────────────────────

  get stateBytes(): number {
    return this.#exports.stateLength();
  }

  /** Views of state and, from any byte on, of told, good until the next call. */
  image(): ImageParts {
    return {
      state: this.bytes.subarray(layout.STATE, layout.STATE + this.#exports.stateLength()),
      toldBytes: this.#exports.toldLength(),
      toldFrom: (at) => {
        const start = this.#exports.toldAt(at);
        return this.bytes.subarray(start, start + this.#exports.toldRun(at));
      },
    };
  }

  /** Makes an instance just opened what `image` was taken of, in steps of so many bytes. */
  *restoreSteps({ state, told }: Pick<Snapshot, "state" | "told">): Steps<void> {
    this.bytes.set(told.subarray(0, layout.TOLD_HEAD_BYTES), this.#exports.toldAt(0));
    this.#must(this.#exports.restore(state.length), "restore a snapshot");
    for (let at = 0; at < state.length; at += STEP_BYTES) {
      this.bytes.set(state.subarray(at, at + STEP_BYTES), layout.STATE + at);
      yield STEP_BYTES;
    }
    for (let at = layout.TOLD_HEAD_BYTES; at < told.length;) {
      const length = this.#exports.toldRun(at);
      this.bytes.set(told.subarray(at, at + length), this.#exports.toldAt(at));
      at += length;
      if (at % STEP_BYTES < length) yield STEP_BYTES;
    }
  }

  /** Reads behind the batch of a push under way, which waits for its append. */
  #read<T>(what: string, read: () => T): T {
    this.#must(this.#exports.readBegin(), what);
    try {
      return read();
    } finally {
      this.#exports.readEnd();
    }
  }

  #must(answer: number, what: string): number {
    if (answer !== 0) return answer;
    const advice = "push less at once, shorten `retain` or `dedup`, or give it more";
    const message = `The core has no memory left to ${what}: ${advice}.`;
    throw new HostFault("state_full", message);
  }
}

/** Throws on what is no trap of a core: what a caller got wrong is an error of another kind. */
export function assertTrap(error: unknown): asserts error is Error {
  if (!(error instanceof WebAssembly.RuntimeError)) throw error;
}
