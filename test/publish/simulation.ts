// One run of the simulation: facts are published in two tabs of one origin while the weather of the
// network changes and tabs are closed, dropped and opened again; then it clears up. What must hold
// is checked where it happens; what must have come about, at the end (`verify`).
//
// That no request is early is judged by the answers alone, by the least that each asks for.

import { memory } from "../../engine/publish/index.ts";
import { event } from "../builders.ts";
import { Random } from "../twin/random.ts";
import { RESTAURANTS, SimulatedServer, WEATHERS } from "./simulated-server.ts";
import { SimulatedLocks, SimulatedTab, type Origin } from "./simulated-tab.ts";
import { VirtualClock } from "./virtual-clock.ts";

const START_MS = Date.UTC(2024, 2, 15, 18, 30);
const MINUTE_MS = 60_000;
const STORM_MS = 20 * MINUTE_MS;
const BURST_MS = 1000;
/** By then all must have arrived: the storm, the longest wait, and time to send. */
const END_MS = START_MS + 3 * 60 * MINUTE_MS;
const TAB_COUNT = 2;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

type Kind = "good" | "bad" | "ahead" | "conflict" | "twin" | "huge";

interface Published {
  readonly eventId: string;
  readonly line: string;
  readonly kind: Kind;
  /** Its promise was resolved. */
  isDurable: boolean;
}

/** What the last answer asks of the next request, whoever sends it. */
interface Order {
  readonly tab: SimulatedTab;
  readonly untilMs: number;
  readonly failures: number;
  readonly isUnanswered: boolean;
  /** Written with the facts, so that other tabs know. */
  isKept: boolean;
}

export class Simulation implements Origin {
  readonly clock = new VirtualClock(START_MS);
  readonly random: Random;
  readonly facts = memory();
  readonly locks = new SimulatedLocks(this.clock);
  failing = 0;
  /** What happened, in order: the same for the same seed. */
  readonly trace: string[] = [];
  readonly problems: string[] = [];
  readonly #server: SimulatedServer;
  readonly #tabs: (SimulatedTab | null)[] = [];
  readonly #published: Published[] = [];
  /** The lines in the order in which the outbox has them. */
  readonly #appended: string[] = [];
  readonly #faults: { readonly eventId: string; readonly code: string }[] = [];
  #order: Order | null = null;
  /** The tab whose last answer was a 401: a new token is worth one try at once. */
  #refusedTab: SimulatedTab | null = null;
  #tabCount = 0;
  /** A tab ended, or its outbox failed, in mid-work: something may be told twice. */
  #wasCut = false;
  #hasFailed = false;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.#server = new SimulatedServer(this.random, () => this.clock.nowMs);
    this.failing = this.random.pick([0, 0.02, 0.2]);
  }

  async run(): Promise<void> {
    await this.#server.open();
    for (let slot = 0; slot < TAB_COUNT; slot++) this.#openTab(slot);
    this.#schedule();
    await this.clock.run(START_MS + STORM_MS);
    this.#clearUp();
    // A burst may have begun at the end of the storm: an outbox that is empty now is not yet the end.
    await this.clock.run(START_MS + STORM_MS + BURST_MS);
    await this.clock.run(END_MS, () => this.facts.count() === 0 && this.#isQuiet());
    // Whatever a request still brings, a settled outbox stays settled.
    await this.clock.run(this.clock.nowMs + 2 * MINUTE_MS);
    await this.#verify();
    for (const tab of this.#tabs) tab?.drop();
    await this.#server.close();
  }

  // ── what happens ─────────────────────────────────────────────────────────────────────────────

  #schedule(): void {
    const { random } = this;
    const at = (run: () => void): unknown => this.clock.after(random.below(STORM_MS), run);
    for (let burst = random.between(1, 12); burst > 0; burst--) {
      at(() => {
        for (let count = random.between(1, 8); count > 0; count--) {
          this.clock.after(random.pick([0, random.below(BURST_MS)]), () => this.#publish());
        }
      });
    }
    for (let change = random.below(12); change > 0; change--) {
      at(() => (this.#server.weather = random.pick(WEATHERS)));
    }
    for (let change = random.below(4); change > 0; change--) at(() => this.#renewToken());
    for (let change = random.below(10); change > 0; change--) at(() => this.#endTab());
    for (let change = random.below(6); change > 0; change--) at(() => this.#goOnline());
  }

  #clearUp(): void {
    this.#server.weather = WEATHERS[0]!;
    this.failing = 0;
    // Those that are open must come to the end by themselves.
    if (this.random.chance(0.5)) return;
    for (let slot = 0; slot < TAB_COUNT; slot++) {
      this.#tabs[slot]?.drop();
      this.#openTab(slot);
    }
  }

  #openTab(slot: number): void {
    this.#tabs[slot] = new SimulatedTab(this, this.#tabCount++);
  }

  /** Closed, or dropped in the midst of whatever it does; opened again, at once or later. */
  #endTab(): void {
    const { random } = this;
    const slot = random.below(TAB_COUNT);
    const tab = this.#tabs[slot];
    if (tab === null || tab === undefined) return;
    this.trace.push(`${this.clock.nowMs} ends ${String(tab)}`);
    this.#tabs[slot] = null;
    if (random.chance(0.3)) void tab.publisher.close().then(() => tab.drop());
    else {
      this.#wasCut = true;
      tab.drop();
    }
    this.clock.after(random.pick([0, 50, MINUTE_MS]), () => {
      if (this.#tabs[slot] === null) this.#openTab(slot);
    });
  }

  #goOnline(): void {
    const order = this.#order;
    if (order !== null) {
      // A token that did not come is a failure too, of which nothing is seen here.
      this.#order = { ...order, untilMs: order.isUnanswered ? 0 : order.untilMs, failures: 0 };
    }
    for (const tab of this.#tabs) tab?.goOnline();
  }

  #renewToken(): void {
    this.#server.token = `t${this.random.below(1_000_000)}`;
  }

  #publish(): void {
    const tab = this.#tabs[this.random.below(TAB_COUNT)];
    if (tab === null || tab === undefined) return;
    const published = this.#newFact();
    this.#published.push(published);
    const pending = tab.publisher.publish(JSON.parse(published.line) as object);
    pending.then(
      () => (published.isDurable = true),
      () => {},
    );
  }

  #newFact(): Published {
    const { random } = this;
    const number = this.#published.length;
    const kind = random.weighted<Kind>([
      [20, "good"],
      [2, "bad"],
      [1, "ahead"],
      [1, "conflict"],
      [1, "twin"],
      [1, "huge"],
    ]);
    const before = this.#published.findLast((each) => each.kind === "good" && each.isDurable);
    if (before !== undefined && kind === "twin") return { ...before, kind, isDurable: false };
    const eventId =
      kind === "conflict" && before !== undefined ? before.eventId : `${kind}-${number}`;
    const timeMs = this.clock.nowMs + (kind === "ahead" ? 365 * 24 * 60 * MINUTE_MS : 0);
    const restaurantId =
      kind === "conflict" && before !== undefined
        ? (JSON.parse(before.line) as { data: { restaurantId: string } }).data.restaurantId
        : random.pick(RESTAURANTS);
    const size = kind === "huge" ? "huge" : random.below(1000);
    const more = kind === "bad" ? { eventVersion: "one" } : {};
    const line = JSON.stringify(event(eventId, timeMs, { restaurantId, number, size }, more));
    const isAlone = before === undefined && (kind === "conflict" || kind === "twin");
    return { eventId, line, kind: isAlone ? "good" : kind, isDurable: false };
  }

  // ── what is seen ─────────────────────────────────────────────────────────────────────────────

  token(): string {
    return this.#server.token;
  }

  answer(init: RequestInit): ReturnType<SimulatedServer["answer"]> {
    return this.#server.answer(init);
  }

  asked(tab: SimulatedTab, init: RequestInit): void {
    const nowMs = this.clock.nowMs;
    const bytes = (init.body as Uint8Array).length;
    this.trace.push(`${nowMs} ${String(tab)} asks with ${bytes} bytes`);
    const others = this.#tabs.filter((other) => other?.isSending === true);
    if (others.length > 0) this.problems.push(`${String(tab)} sends while ${others.join()} does.`);
    const order = this.#order;
    if (order === null) return;
    const isOwn = order.tab === tab;
    if (!isOwn && !order.isKept) {
      // Who heard it ended before it was kept: nobody knows.
      this.#order = null;
      return;
    }
    if (isOwn && order.untilMs > 0 && !order.isKept && !this.#hasFailed) {
      this.problems.push(`${String(tab)} kept no back-off.`);
    }
    if (nowMs < order.untilMs) {
      const early = `${order.untilMs - nowMs} ms`;
      this.trace.push("^^^ EARLY");
      this.problems.push(`${String(tab)} is ${early} early, after ${order.failures} failures.`);
    }
  }

  heard(tab: SimulatedTab, answer: Response | null): void {
    const status = answer?.status ?? 0;
    this.trace.push(`${this.clock.nowMs} ${String(tab)} hears ${status}`);
    if (status !== 401) this.#refusedTab = null;
    const isRefusedAgain = this.#refusedTab === tab;
    if (status === 401) this.#refusedTab = tab;
    if (status === 200 || status === 422) {
      // A receipt, or what has the form of a page: the trace of that is in the type.
      if (answer!.headers.get("Content-Type")?.includes("json") === true) {
        this.#order = null;
        return;
      }
    }
    // An event that is too large alone is told as a fault: that is progress.
    if (status === 413 && tab.lineCount === 1) this.#order = null;
    const isFree = status === 413 || (status === 401 && !isRefusedAgain);
    const asked = askedMs(answer?.headers ?? null, this.clock.nowMs);
    // Some facts of a 503 arrived: it begins anew, and how many did is not looked at here.
    const before = this.#order !== null && status !== 503 ? this.#order.failures : 0;
    const failures = isFree && asked === 0 ? before : before + 1;
    const ownMs = isFree && asked === 0 ? 0 : FIRST_WAIT_MS * 2 ** (failures - 1);
    const waitMs = Math.max(asked, Math.min(ownMs, LONGEST_WAIT_MS));
    const untilMs = waitMs === 0 ? 0 : this.clock.nowMs + waitMs;
    this.#order = { tab, untilMs, failures, isUnanswered: status === 0, isKept: false };
  }

  appended(lines: readonly string[]): void {
    this.#appended.push(...lines);
  }

  kept(tab: SimulatedTab): void {
    this.trace.push(
      `${this.clock.nowMs} ${String(tab)} kept ${JSON.stringify(this.facts.backOff())}`,
    );
    if (this.#order?.tab === tab) this.#order.isKept = true;
  }

  outboxFailed(): void {
    this.#wasCut = true;
    this.#hasFailed = true;
  }

  fault(fact: unknown, code: string): void {
    this.#faults.push({ eventId: (fact as { eventId: string }).eventId, code });
  }

  #isQuiet(): boolean {
    return this.#tabs.every((tab) => tab?.isSending !== true);
  }

  // ── what must have come about ────────────────────────────────────────────────────────────────

  async #verify(): Promise<void> {
    const claim = (isTrue: boolean, problem: string): void => {
      if (!isTrue) this.problems.push(problem);
    };
    claim(this.facts.count() === 0, `${String(await this.facts.count())} facts are left.`);
    const logged = await this.#server.logged();
    claim(logged.length === this.#server.accepted.length, "The logs and the receipts differ.");
    const lines = new Set(this.#published.map(({ line }) => line));
    claim(
      logged.every((line) => lines.has(line)),
      "Something came that nobody published.",
    );
    const held = this.#server.held();
    for (const { eventId, line, kind, isDurable } of this.#published) {
      const times = logged.filter((each) => each === line).length;
      claim(times <= 1, `${eventId} was accepted ${times} times.`);
      if (!isDurable) continue;
      const faults = this.#faults.filter((fault) => fault.eventId === eventId);
      const isTold = faults.length === 1 || (faults.length > 1 && this.#wasCut);
      if (kind === "good" || kind === "twin") claim(times === 1, `${eventId} (${kind}) was lost.`);
      else if (kind === "ahead") claim(held.includes(eventId), `${eventId} is not held.`);
      else if (kind === "conflict")
        claim(times === 0 && faults.length > 0, `${eventId} conflicts.`);
      else claim(times === 0 && isTold, `${eventId} was told as a fault ${faults.length} times.`);
    }
    const innocent = this.#faults.filter(({ eventId, code }) => {
      return /good|ahead/.test(eventId) && code !== "event_id_conflict";
    });
    claim(
      innocent.length === 0,
      `${innocent.map(({ eventId }) => eventId).join()} were no faults.`,
    );
    if (this.#server.hasParted) return;
    const places = this.#server.accepted.map((line) => this.#appended.indexOf(line));
    claim(
      places.every((place, index) => index === 0 || places[index - 1]! < place),
      `Facts came out of order: ${places.join()}.`,
    );
  }
}

/** What `Retry-After` asks for, at least: a date is whole seconds. */
function askedMs(headers: Headers | null, nowMs: number): number {
  const value = headers?.get("Retry-After") ?? null;
  if (value === null) return 0;
  return /^\d+$/.test(value) ? Number(value) * 1000 : Math.max(0, Date.parse(value) - nowMs);
}
