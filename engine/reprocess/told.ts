// What was told: the log replayed as it was, chunk by chunk, for one query. Collected are the
// finals of the windows that touch the range, as earlier reprocessing left them; of sessions all
// finals, since what hangs together may reach far beyond it.

import type { Core } from "../core/core.ts";
import { factOfChunk, type ReprocessFact } from "../ingest/fact.ts";
import { fillFromLog } from "../ingest/intake.ts";
import { bringYears } from "../ingest/zone-years.ts";
import type { Batch } from "../ingest/batch.ts";
import type { Chunk } from "../store/chunk.ts";
import { byEntries } from "../store/piece.ts";
import { paced, type Steps } from "../store/steps.ts";
import { readLog, type Log } from "./log.ts";
import {
  nameOf,
  readRecords,
  readTelling,
  STEP_WINDOWS,
  writeRecords,
  type Correction,
  type FinalWindow,
} from "./record.ts";
import { isSession, programOf, touches, wantedBy, type Scope } from "./scope.ts";

export interface ToldWindow extends FinalWindow {
  readonly corrections: number;
  /** False once it was retracted: what comes back goes on from its revision. */
  readonly isThere: boolean;
}

export interface Told {
  readonly windows: ReadonlyMap<string, ToldWindow>;
  /** Sessions that are open at the end. */
  readonly open: readonly FinalWindow[];
  /** Where the clock stands, ms since 1970; null before the first event or tick. */
  readonly clock: number | null;
  /** How far an event was behind the latest before it at the most, ms. */
  readonly disorderMs: number;
}

/** `correctionsAt` says what an earlier reprocess of the query made of it. */
export async function readTold(
  scope: Scope,
  log: Log,
  endPosition: number,
  correctionsAt: (fact: ReprocessFact, position: number) => Promise<readonly Correction[]>,
): Promise<Told> {
  const reading = new Reading(scope);
  await reading.open(log);
  for await (const chunk of readLog(log, endPosition)) {
    const fact = factOfChunk(chunk);
    if (fact === null) await paced(reading.apply(chunk), log.breathe);
    else if (fact.query === scope.query.name) {
      const found = await correctionsAt(fact, chunk.firstPosition);
      await paced(reading.correct(found), byEntries(log.breathe));
    }
  }
  return reading.end();
}

class Reading {
  readonly #scope: Scope;
  readonly #program;
  readonly #isWanted;
  readonly #windows = new Map<string, ToldWindow>();
  #core!: Core;
  #latestMs = -Infinity;
  #disorderMs = 0;

  constructor(scope: Scope) {
    this.#scope = scope;
    // Whatever the plan tells, finals are what corrections are measured by; the view is not asked.
    this.#program = programOf(scope, {
      queries: [{ ...scope.query, emit: "final", retainMs: 0 }],
    });
    this.#isWanted = wantedBy(scope, this.#program);
  }

  async open({ openCore }: Log): Promise<void> {
    this.#core = await openCore(this.#program);
  }

  *apply(chunk: Chunk): Steps<void> {
    const core = this.#core;
    this.#measure(fillFromLog(core, this.#program, chunk, 0));
    core.seal();
    bringYears(core, this.#program.zones, chunk.zones ?? []);
    yield* core.reserveSteps();
    yield* readTelling(core.applySteps.bind(core), ({ isFinal, ...window }) => {
      if (isFinal) this.#keep({ ...window, corrections: 0, isThere: true });
    });
  }

  #measure(batch: Batch): void {
    for (let line = 0; line < batch.lines; line++) {
      const event = batch.eventAt(line);
      if (event === null || !this.#isWanted(event)) continue;
      this.#latestMs = Math.max(this.#latestMs, event.timeMs);
      this.#disorderMs = Math.max(this.#disorderMs, this.#latestMs - event.timeMs);
    }
  }

  #keep(window: ToldWindow): void {
    const isAsked = isSession(this.#scope.query) || touches(this.#scope, window);
    if (isAsked) this.#windows.set(nameOf(window), window);
  }

  *correct(corrections: readonly Correction[]): Steps<void> {
    for (const [index, { kind, ...window }] of corrections.entries()) {
      const before = this.#windows.get(nameOf(window));
      const isThere = kind === "correction";
      const count = (before?.corrections ?? 0) + (isThere ? 1 : 0);
      this.#keep({ ...window, corrections: count, isThere });
      if (index % STEP_WINDOWS === STEP_WINDOWS - 1) yield STEP_WINDOWS;
    }
    this.#core.holdCorrections(yield* writeRecords(corrections, 0, 0));
    yield* this.#core.correctSteps();
  }

  end(): Told {
    const core = this.#core;
    const open: FinalWindow[] = [];
    if (isSession(this.#scope.query)) {
      core.rows(0, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, null, (records) => {
        for (const window of readRecords(records)) if (!window.isFinal) open.push(window);
      });
    }
    const { clock } = core.counts();
    return { windows: this.#windows, open, clock, disorderMs: this.#disorderMs };
  }
}
