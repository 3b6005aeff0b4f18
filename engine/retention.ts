// Retention: the log is kept for some days of event time; what is older goes to an archive, and is
// trimmed once that has it. It goes chunk by chunk from the oldest on, beside the pushes; only the
// trim itself is a turn. The log is trimmed no further than
//
//   - below the older of two snapshots of this plan that were read back and found good, between
//     which and the end no reprocess stands: to compute one again takes the whole log;
//   - below every event that may be known still (`dedup`): its redelivery is compared with it.
//
// What was archived and not yet trimmed when the process ended is archived again; what was trimmed
// and came back from its archive is not: the trim says how far that has all.

import { factOfChunk } from "./ingest/fact.ts";
import { fillFromLog } from "./ingest/intake.ts";
import type { Poison } from "./ingest/poison.ts";
import type { Quarantine } from "./ingest/quarantine.ts";
import type { Core } from "./core/core.ts";
import type { Running } from "./running.ts";
import { decodeChunk, type Chunk } from "./store/chunk.ts";
import { hostBreathe } from "./rebuild/host-pace.ts";
import { HostFault } from "./store/host-fault.ts";
import { readChunks } from "./store/log-reader.ts";
import { goodSnapshots } from "./store/snapshot.ts";
import type { Breathe } from "./store/steps.ts";
import type { MaybePromise, Recovered, Store } from "./store/store.ts";

/** A sealed chunk of the log, as it is stored. */
export interface ArchivedChunk {
  /** Of its first entry: its key, since it may come more than once. */
  readonly position: number;
  /** The first position after it. */
  readonly endPosition: number;
  /** The archive's own, to keep or to transfer. */
  readonly bytes: Uint8Array;
}

export interface Retention {
  /** Of event time behind the clock; never less than the plan's `dedup`. */
  readonly days: number;
  /**
   * Gets each chunk, in order, before it is trimmed. While it rejects, nothing is trimmed
   * (`stats().trimFault`), and the chunk is given again with the next snapshot. What it had and a
   * restore put back it is not given again.
   */
  readonly archive?: (chunk: ArchivedChunk) => void | Promise<void>;
  /** How many chunks it is given before it has answered for the first of them; 1 where absent. */
  readonly archiveAtOnce?: number;
  /**
   * Called when there may be something to archive and to trim. The host calls `work` when that
   * suits it, once however often it was called, which reads at most 4 MiB of the log; where there
   * is more, it is called again. Absent: beside the push that saved a snapshot.
   */
  readonly schedule?: (work: () => Promise<void>) => void;
}

/** What retention asks of the engine. */
export interface RetentionSite {
  running(): Running;
  /** A plan that does not serve yet may have to read the log from its beginning. */
  isRebuilding(): boolean;
  /** Runs `work` as a turn of its own; rejects once the engine is closed. */
  turn(work: () => Promise<void>): Promise<void>;
}

interface Beside {
  readonly store: Store;
  readonly quarantine: Quarantine;
  readonly poison: Poison;
}

const DAY_MS = 86_400_000;
const PAGE_BYTES = 4 * 1024 * 1024;
const ONE_CHUNK = 1;

export class Retaining {
  readonly #beside: Beside;
  readonly #retention: Retention | null;
  #site: RetentionSite | null = null;
  #trimmedTo: number;
  readonly #archivedTo: number;
  #trimFault: string | null = null;
  #isUnderWay = false;
  /** Since the work under way began. */
  #isAsked = false;
  #reading: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  /** RangeError where the days are none. */
  constructor(
    beside: Beside,
    recovered: Pick<Recovered, "trimmedTo" | "archivedTo"> | null,
    retention?: Retention,
  ) {
    checkDays(retention ?? null);
    this.#beside = beside;
    this.#trimmedTo = recovered?.trimmedTo ?? 0;
    this.#archivedTo = recovered?.archivedTo ?? 0;
    this.#retention = retention ?? null;
  }

  /** The first position that is kept; 0 where all are there. */
  get trimmedTo(): number {
    return this.#trimmedTo;
  }

  /** What the archive or the store said where no more could be trimmed; null where it could. */
  get trimFault(): string | null {
    return this.#trimFault;
  }

  /** A snapshot is due when the clock has gone so far: what is behind it can be trimmed. */
  get snapshotEveryMs(): number {
    return this.#retention === null ? Infinity : Math.min(1, this.#retention.days) * DAY_MS;
  }

  /** HostFault `log_trimmed` where `what` takes a log from its beginning, and it was trimmed. */
  assertWhole(what: string): void {
    if (this.#trimmedTo === 0) return;
    const message = `${what} takes the whole log, of which positions below ${this.#trimmedTo} were`;
    throw new HostFault("log_trimmed", `${message} trimmed: ask an engine that has them.`);
  }

  /** HostFault `log_incomplete` where a trimmed log cannot be replayed from `position`. */
  assertReaches(position: number): void {
    if (position >= this.#trimmedTo) return;
    const missing = `positions ${position} to ${this.#trimmedTo - 1} were trimmed`;
    const message = `No good snapshot of this plan stands behind what is missing: ${missing}`;
    throw new HostFault("log_incomplete", `${message}. Put their archived chunks back.`);
  }

  /** HostFault `log_trimmed` where what came since `from` cannot be told: `oldest` is the first. */
  assertHeard(from: number, oldest: number): void {
    if (this.#trimmedTo === 0 || from >= oldest) return;
    const message = `Changes before position ${oldest} cannot be told: the log was trimmed`;
    throw new HostFault("log_trimmed", `${message}. Subscribe from there, or from "snapshot".`);
  }

  /** What the store holds; HostFault `engine_closed` where that would open it once more. */
  recover(breathe: Breathe): MaybePromise<Recovered | null> {
    if (this.#isStopped) {
      throw new HostFault("engine_closed", "This engine is closed: open it again.");
    }
    return this.#beside.store.recover(breathe);
  }

  begin(site: RetentionSite): void {
    this.#site = site;
    this.look();
  }

  /** A snapshot was saved: there may be something to trim. */
  look(): void {
    const [site, retention] = [this.#site, this.#retention];
    this.#isAsked = true;
    if (retention === null || site === null || this.#isStopped || this.#isUnderWay) return;
    const { schedule = (work) => void work() } = retention;
    schedule(() => this.#work(site, retention));
  }

  async #work(site: RetentionSite, retention: Retention): Promise<void> {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    this.#isAsked = false;
    try {
      const isMore = await this.#run(site, retention);
      this.#isAsked ||= isMore;
    } finally {
      this.#isUnderWay = false;
    }
    if (this.#isAsked) this.look();
  }

  /** Resolves when it no longer reads the store; an archive may still have its last chunk. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#reading;
  }

  /** Runs `work`, which reads the store; null where that must not be any more. */
  async #read<T>(work: () => Promise<T>): Promise<T | null> {
    if (this.#isStopped) return null;
    const reading = work();
    this.#reading = reading.catch(() => {});
    return reading;
  }

  /** One page; whether there may be more. */
  async #run(site: RetentionSite, retention: Retention): Promise<boolean> {
    // Behind the push that saved, which need not wait.
    await Promise.resolve();
    try {
      return !site.isRebuilding() && (await this.#trim(site, retention));
    } catch (error) {
      // What cannot be read or trimmed now is looked at again with the next snapshot. Nobody waits
      // for this: an error that went on would end a process whose pushes are well.
      const isClosed = error instanceof HostFault && error.code === "engine_closed";
      if (!isClosed) this.#trimFault = messageOf(error);
      return false;
    }
  }

  async #trim(site: RetentionSite, retention: Retention): Promise<boolean> {
    const running = site.running();
    const { plan, core, program, replay } = running;
    const clock = core.counts().clock ?? -Infinity;
    const oldMs = clock - Math.max(retention.days * DAY_MS, plan.clock.dedupMs);
    const page = await this.#read(async () => {
      await this.#beside.store.seal?.();
      return this.#beside.store.read(this.#trimmedTo, PAGE_BYTES);
    });
    const scratch = await replay.open();
    const isOld = (bytes: Uint8Array): boolean => {
      const chunk = decodeChunk(bytes);
      const newest = newestTime(scratch, program, this.#beside.poison.legible(chunk));
      // Only what is poisoned moved no clock: its time may be none that ever comes.
      return newest <= clock
        ? newest < oldMs
        : newestTime(scratch, program, this.#beside.poison.quiet(chunk)) < oldMs;
    };
    // Most often nothing is, and nothing more is read.
    if (page?.[0] === undefined) return false;
    if (!isOld(page[0])) {
      this.#trimFault = null;
      return false;
    }
    const bound = (await this.#read(() => this.#boundOf(running))) ?? 0;
    const isKept = (bytes: Uint8Array): boolean => endOf(bytes) > bound || !isOld(bytes);
    const kept = page.findIndex(isKept);
    const old = kept < 0 ? page : page.slice(0, kept);
    // What is to stay has to be there: a page ends before a gap.
    if (kept < 0)
      await this.#read(async () => this.#beside.store.read(endOf(page.at(-1)!), ONE_CHUNK));
    const archived = await this.#archive(retention, old);
    const next = archived === 0 ? this.#trimmedTo : endOf(old[archived - 1]!);
    const isArchived = retention.archive !== undefined;
    if (next > this.#trimmedTo) await this.#trimTo(next, isArchived, bound, site);
    return archived === page.length && this.#trimmedTo === next;
  }

  /** The position of the older of two good snapshots, below which may be trimmed; else 0. */
  async #boundOf({ plan }: Running): Promise<number> {
    const breathe = hostBreathe();
    const recovered = await this.recover(breathe);
    const all = await goodSnapshots(recovered, breathe);
    const good = all.filter((each) => each.plan === plan.source);
    const [, older] = good;
    if (older === undefined || (await this.#hasFact(older.position))) return 0;
    return older.position;
  }

  async #hasFact(from: number): Promise<boolean> {
    for await (const chunk of readChunks(this.#beside.store, from, Infinity)) {
      if (factOfChunk(this.#beside.poison.quiet(chunk)) !== null) return true;
    }
    return false;
  }

  /** How many of the chunks it has, from the first on. */
  async #archive(retention: Retention, chunks: readonly Uint8Array[]): Promise<number> {
    const { archiveAtOnce = 1 } = retention;
    const had = chunks.filter((bytes) => endOf(bytes) <= this.#archivedTo).length;
    for (let from = had; from < chunks.length; from += archiveAtOnce) {
      const some = chunks.slice(from, from + archiveAtOnce);
      const faults = await Promise.all(some.map((bytes) => faultOf(retention, bytes)));
      const failed = faults.findIndex((fault) => fault !== null);
      if (failed < 0) continue;
      this.#trimFault = faults[failed]!;
      return from + failed;
    }
    this.#trimFault = null;
    return chunks.length;
  }

  /** A turn of its own, in which no reprocess comes between. */
  async #trimTo(
    to: number,
    isArchived: boolean,
    bound: number,
    site: RetentionSite,
  ): Promise<void> {
    if (this.#isStopped) return;
    await site.turn(async () => {
      if (site.isRebuilding() || (await this.#hasFact(bound))) return;
      await this.#beside.store.trim(to, isArchived);
      this.#trimmedTo = to;
      this.#beside.quarantine.forgetBelow(to);
      this.#beside.poison.forgetBelow(to);
    });
  }
}

/** RangeError where the days are none, or an archive would be given nothing. */
export function checkDays(retention: Pick<Retention, "days" | "archiveAtOnce"> | null): void {
  if (retention === null) return;
  if (!(retention.days > 0)) throw new RangeError("Retention is a number of days above 0.");
  if ((retention.archiveAtOnce ?? 1) >= 1) return;
  throw new RangeError("An archive is given 1 chunk at once, or more.");
}

function endOf(bytes: Uint8Array): number {
  const { firstPosition, count } = decodeChunk(bytes);
  return firstPosition + count;
}

/** What the archive says of a chunk that it does not take; null where it has it. */
async function faultOf({ archive }: Retention, bytes: Uint8Array): Promise<string | null> {
  const { firstPosition: position } = decodeChunk(bytes);
  try {
    // A copy: the store may hold these very bytes, and whoever gets them may transfer them.
    await archive?.({ position, endPosition: endOf(bytes), bytes: new Uint8Array(bytes) });
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The latest event time of a chunk, ms since 1970; -Infinity where it has no event. */
function newestTime(core: Core, program: Running["program"], chunk: Chunk): number {
  if (factOfChunk(chunk) !== null) return -Infinity;
  const batch = fillFromLog(core, program, chunk, 0);
  let newest = -Infinity;
  for (let line = 0; line < batch.lines; line++) {
    newest = Math.max(newest, batch.eventAt(line)?.timeMs ?? -Infinity);
  }
  core.end();
  return newest;
}
