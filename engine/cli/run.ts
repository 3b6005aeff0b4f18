// A run: recordings through an engine, changes or rows out, a summary at the end.
//
//   source (bytes) → RecordingReader (lines) → PushBuffer or LogCutter (pushes) → engine
//          → standard output (changes), standard error (faults, summary, hashes)
//
// Nothing is held but the push at hand: reading waits for the engine, and that for the output. Only
// a log is read twice, and kept for it where it may be a stream (poisoned-entries.ts).

import type { Engine } from "../engine.ts";
import type { PushOptions } from "../ingest/input.ts";
import { openAt } from "../open.ts";
import { checkRow } from "../explain.ts";
import type { ReprocessFact } from "../ingest/fact.ts";
import { Poison } from "../ingest/poison.ts";
import type { Change } from "../live/change.ts";
import type { Plan } from "../query/plan.ts";
import { HostPace } from "../rebuild/host-pace.ts";
import { HostFault } from "../store/host-fault.ts";
import type { Store } from "../store/store.ts";
import { UsageFault, type AskedRow, type RunCommand } from "./arguments.ts";
import { ClockWatch } from "./clock-watch.ts";
import { explanationText } from "./explanation.ts";
import { LogCutter, LogFault, receivedAtOf } from "./exported-log.ts";
import type { Output } from "./output.ts";
import { readPlan, withEmit } from "./plan-file.ts";
import { PoisonedEntries } from "./poisoned-entries.ts";
import { Progress } from "./progress.ts";
import { PushBuffer, type Push } from "./push.ts";
import { Reception } from "./reception.ts";
import { checkReport, writeReport } from "./report.ts";
import { placeText, RecordingReader, type RecordedLine } from "./recording.ts";
import { printLines, printRows, viewHash } from "./rows.ts";
import { keepSources, openSources, type Source } from "./source.ts";
import { TemporaryChunks } from "./temporary-chunks.ts";
import { TemporaryLog } from "./temporary-log.ts";
import { summary } from "./summary.ts";

const EXIT_FINE = 0;
const EXIT_FAULTS = 3;
/** A run on the same log has the same tables wherever it runs. */
const HASH_KEY = new Uint8Array(16);

export async function run(
  command: RunCommand,
  stdin: () => AsyncIterable<Uint8Array>,
  stdout: Output,
  stderr: Output,
): Promise<number> {
  const { source, plan: checked } = await readPlan(command.plan);
  if (command.explain !== null) checkAsked(checked, command.explain);
  if (command.report !== null) await checkReport(command.report);
  const plan = command.emit === null ? source : withEmit(source, command.emit);
  const { sources, totalBytes } = await openSources(command.recordings, stdin);
  const store = new TemporaryLog();
  const kept = new TemporaryChunks();
  const engine = await openRun(plan, store, command.log);
  const progress = new Progress(stderr, command.view || !stdout.isTerminal, totalBytes);
  const runner = new Run(command, engine, stdout, stderr, progress);
  try {
    const isStream = totalBytes === null;
    const read = command.log && isStream ? await keepSources(sources, kept) : sources;
    if (command.log) await runner.readMarks(read);
    for (const { name, chunks } of read) await runner.read(name, chunks());
    await runner.readEnd();
    return await runner.end();
  } finally {
    await progress.clear().catch(() => {});
    store.close();
    kept.close();
  }
}

/** An exported log is another's: what fails on it is skipped, and marked nowhere. */
function openRun(plan: unknown, store: Store, log: boolean): Promise<Engine> {
  const options = { plan, store, hashKey: HASH_KEY };
  return openAt(new HostPace(), options, null, new Poison([], !log));
}

/** It is told before the recording is read, not after. */
function checkAsked(plan: Plan, { query, key, window }: AskedRow): void {
  const asked = plan.queries.find(({ name }) => name === query);
  if (asked === undefined) throw new UsageFault("--explain names a query that the plan has not.");
  try {
    checkRow(asked, key, window);
  } catch (error) {
    if (error instanceof HostFault) throw new UsageFault(`--explain: ${error.message}`);
    throw error;
  }
}

class Run {
  readonly #command: RunCommand;
  readonly #engine: Engine;
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #progress: Progress;
  readonly #reception: Reception;
  readonly #watch = new ClockWatch();
  readonly #buffer = new PushBuffer();
  readonly #cutter: LogCutter | null;
  readonly #poisoned = new PoisonedEntries();
  /** Changes that were told and not yet written. */
  #changes: (readonly Change[])[] = [];

  constructor(
    command: RunCommand,
    engine: Engine,
    stdout: Output,
    stderr: Output,
    progress: Progress,
  ) {
    this.#command = command;
    this.#engine = engine;
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#progress = progress;
    this.#reception = new Reception(command.report !== null);
    this.#cutter = command.log ? new LogCutter() : null;
    if (!command.view) {
      engine.listen((changes) => {
        this.#changes.push(changes);
      });
    }
  }

  // ── in ───────────────────────────────────────────────────────────────────────────────────────

  async readMarks(sources: readonly Source[]): Promise<void> {
    for (const source of sources) await this.#poisoned.read(source);
  }

  async read(name: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const reader = new RecordingReader(name, this.#command.log ? "lines" : "lines or array");
    for await (const chunk of chunks) {
      await this.#take(reader.feed(chunk));
      await this.#progress.read(chunk.length);
      if (reader.isDone) return;
    }
    await this.#take(reader.end());
  }

  /** A push may span recordings; the last is what is left. */
  async readEnd(): Promise<void> {
    if (this.#cutter !== null) return this.#pushLog(this.#cutter.end());
    if (this.#buffer.count > 0) await this.#push(this.#buffer.take(), this.#options);
  }

  async #take(lines: readonly RecordedLine[]): Promise<void> {
    for (const line of lines) {
      if (this.#cutter !== null) {
        const push = this.#cutter.add(line);
        if (push !== null) await this.#pushLog(push);
        continue;
      }
      this.#buffer.add(line);
      if (this.#buffer.count === this.#command.batch) {
        await this.#push(this.#buffer.take(), this.#options);
      }
    }
  }

  get #options(): PushOptions {
    const { ticks, receivedAt } = this.#command;
    const member = receivedAt === null ? {} : { receivedAtMember: receivedAt };
    return { format: "ndjson", ticks, ...member };
  }

  async #pushLog(push: ReturnType<LogCutter["end"]>): Promise<void> {
    if (push === null) return;
    const { position, isWhole } = this.#reception;
    const receivedAt = receivedAtOf(push, position, isWhole);
    if (push.control !== null) this.#reception.addControl();
    const { push: quieted, events, isFact } = this.#poisoned.quiet(push, position);
    if (quieted.reprocess !== null) return this.#reprocess(push, quieted.reprocess);
    this.#reception.addSkipped(events, isFact);
    const known = receivedAt === null ? {} : { receivedAt };
    const { zones = [], released = false } = push.control ?? {};
    await this.#push(quieted, { format: "ndjson", ticks: true, zones, released, ...known });
  }

  async #reprocess({ places }: Push, { query, ...range }: ReprocessFact): Promise<void> {
    if (this.#engine.plan.queries.every(({ name }) => name !== query)) {
      const problem = "The log reprocesses a query that this plan does not have";
      throw new LogFault(`${placeText(places[0]!)}: ${problem}.`);
    }
    await this.#engine.reprocess(query, range);
    this.#reception.addFact();
    await this.#writeChanges();
  }

  async #push(push: Push, options: PushOptions): Promise<void> {
    const receipt = await this.#engine.push(push.bytes, options);
    const { clock, poisoned } = this.#engine.stats();
    const { position } = this.#reception;
    const isLog = this.#cutter !== null && poisoned.length > 0;
    const found = isLog && this.#poisoned.find(push, position, receipt, poisoned);
    if (found) this.#reception.addSkipped(found.events, false);
    this.#watch.look(clock, found ? found.push : push, receipt, {
      delayMs: this.#engine.plan.clock.delayMs,
      options,
    });
    const told = this.#reception.add(receipt, push);
    if (told.length > 0) {
      await this.#progress.clear();
      await this.#stderr.write(`${told.join("\n")}\n`);
    }
    await this.#writeChanges();
  }

  async #writeChanges(): Promise<void> {
    const told = this.#changes;
    this.#changes = [];
    for (const changes of told) await printLines(changes, this.#stdout);
  }

  async #writeExplanation(): Promise<void> {
    const asked = this.#command.explain;
    if (asked === null) return;
    const explanation = await this.#engine.explain(asked.query, asked.key, asked.window);
    await this.#stderr.write(explanationText(explanation));
  }

  // ── out ──────────────────────────────────────────────────────────────────────────────────────

  async end(): Promise<number> {
    const { flush, view, report, stateHash } = this.#command;
    const engine = this.#engine;
    const hashes = stateHash ? [await engine.stateHash()] : [];
    if (flush) await engine.flush();
    await this.#writeChanges();
    if (view) await printRows(engine, this.#stdout);
    if (this.#command.viewHash) hashes.push(viewHash(engine));
    const stats = this.#poisoned.stats(engine.stats());
    if (report !== null) await writeReport(report, this.#reception.receipt(), stats);
    await this.#progress.clear();
    await this.#stderr.write(summary(this.#reception, this.#watch, stats));
    await this.#writeExplanation();
    await this.#stderr.write(hashes.map((hash) => `${hash}\n`).join(""));
    const { invalid, quarantined } = this.#reception;
    return invalid + quarantined > 0 ? EXIT_FAULTS : EXIT_FINE;
  }
}
