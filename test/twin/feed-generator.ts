// Hostile inputs for a plan: a feed that walks through its windows and goes wrong on purpose.

import type { Json } from "../model/json.ts";
import { takesType, type PlanJson, type TableJson, type WindowJson } from "../model/plan.ts";
import { durationMs, floorDiv } from "../model/time.ts";
import type { Line } from "../model.ts";
import { EVENT_TYPES, type PlanShape } from "./plan-generator.ts";
import type { Random } from "./random.ts";
import { randomNumber, render, STRINGS, type Members } from "./value.ts";

const YEAR_0_MS = -62_167_219_200_000;
const YEAR_9999_END_MS = 253_402_300_799_999;
const DAY_MS = 86_400_000;
/** Local days on which the clocks of a zone shift; or one that was skipped. */
const SHIFTS: { readonly [zone: string]: readonly string[] } = {
  "Europe/Berlin": ["2024-03-31", "2024-10-27"],
  "America/New_York": ["2024-03-10", "2024-11-03"],
  "Australia/Lord_Howe": ["2024-04-07", "2024-10-06"],
  "America/Havana": ["2024-03-10", "2024-11-03"],
  "Pacific/Apia": ["2011-12-30", "2011-04-02"],
  "America/Sao_Paulo": ["2018-11-04", "2018-02-17"],
  "Africa/Cairo": ["2023-04-28", "2023-10-26"],
  "America/St_Johns": ["2024-03-10", "2024-11-03"],
};
/** Where weeks, months and years end, or have a day more. */
const CALENDAR_DAYS = ["2024-12-31", "2024-02-29", "2011-12-30", "2024-03-31"];

/** Members of a line that make it invalid, and the code that it has then. */
const FAULTS: readonly (readonly [code: string, spoil: (event: Members) => void])[] = [
  ["missing_field", (event) => delete event["eventId"]],
  ["missing_field", (event) => (event["data"] = null)],
  ["bad_event_id", (event) => (event["eventId"] = "with space")],
  ["bad_event_type", (event) => (event["eventType"] = "é")],
  ["bad_event_version", (event) => (event["eventVersion"] = "1")],
  ["invalid_time", (event) => (event["eventTime"] = "2024-13-01T00:00:00Z")],
  ["zone_required", (event) => (event["eventTime"] = "2024-03-01T00:00:00")],
  ["wrong_type", (event) => (event["data"] = [])],
  ["wrong_type", (event) => (event["source"] = 5)],
];

/** An event that feeds a table; what a table's key may be. */
interface Version {
  readonly time: number;
  readonly k: Json;
  readonly s: Json;
}

export class Feed {
  readonly #random: Random;
  readonly #plan: PlanJson;
  readonly #shape: PlanShape;
  readonly #sent: { readonly event: Members; readonly line: Line }[] = [];
  readonly #receives: "never" | "always" | "sometimes";
  readonly #isCloudy: boolean;
  /** Event types that some query takes. */
  readonly #wanted: readonly string[];
  readonly #tables: readonly TableJson[];
  /** What fed the tables. */
  readonly #versions: Version[] = [];
  #now: number;
  #nextId = 0;

  constructor(random: Random, shape: PlanShape) {
    this.#random = random;
    this.#shape = shape;
    this.#plan = shape.plan;
    this.#receives = random.pick(["never", "always", "sometimes"]);
    this.#isCloudy = random.chance(0.1);
    this.#tables = Object.values(this.#plan.tables ?? {});
    const patterns = this.#plan.queries.flatMap(({ from, span }) => {
      return from ?? [...span!.from, ...span!.to];
    });
    const wanted = EVENT_TYPES.filter((each) => takesType(patterns, each));
    this.#wanted = wanted.length > 0 ? wanted : EVENT_TYPES;
    this.#now = this.#begin();
  }

  #begin(): number {
    const random = this.#random;
    const zones = this.#plan.queries.flatMap(({ window }) => window.timezone ?? []);
    const days = zones.flatMap((zone) => SHIFTS[zone] ?? []);
    const [wanted, at] = [random.chance(0.75), random.between(-30, 54) * 3e6];
    if (wanted && days.length > 0) return Date.parse(random.pick(days)) + at;
    if (wanted && zones.length > 0) return Date.parse(random.pick(CALENDAR_DAYS)) + at;
    return random.weighted<() => number>([
      [6, () => Date.parse("2024-03-15T19:25:00Z") + random.below(1000)],
      [3, () => -random.below(10 * this.#shape.unitMs)],
      [1, () => Date.parse("1901-02-03T04:05:06Z")],
      [1, () => YEAR_0_MS + random.below(4 * this.#shape.unitMs)],
      [1, () => YEAR_9999_END_MS - 40 * this.#shape.unitMs],
    ])();
  }

  lines(count: number): Line[] {
    const lines: Line[] = [];
    while (lines.length < count) {
      this.#walk();
      lines.push(this.#line());
    }
    return lines;
  }

  /** Time as the feed's senders know it: mostly small steps, now and then silence or a leap. */
  #walk(): void {
    const random = this.#random;
    const { unitMs } = this.#shape;
    this.#now += random.weighted<() => number>([
      [30, () => random.below(Math.ceil(unitMs / 2) + 1)],
      [20, () => 0],
      [6, () => random.below(3 * unitMs)],
      [1, () => random.below(40 * unitMs)],
    ])();
    if (random.chance(0.004)) this.#now += random.below(20) * DAY_MS;
    this.#now = Math.min(this.#now, YEAR_9999_END_MS);
  }

  #line(): Line {
    return this.#random.weighted<() => Line>([
      [70, () => this.#event()],
      [10, () => this.#again()],
      [3, () => this.#conflict()],
      [6, () => this.#tick()],
      [3, () => this.#spoilt()],
      [this.#tables.length > 0 ? 24 : 0, () => this.#behindHistory()],
    ])();
  }

  #event(): Line {
    const receivedAt = this.#receivedAt();
    return this.#eventAt(this.#eventTime(receivedAt), receivedAt, {});
  }

  /** Looks something up between two versions of it, of which `history` has run out on the first. */
  #behindHistory(): Line {
    const random = this.#random;
    const histories = this.#tables.map(({ history = "7d" }) => durationMs(history));
    const delayMs = durationMs(this.#plan.clock?.["delay"] ?? 0);
    const horizon = this.#now - delayMs - Math.min(...histories);
    const known = this.#versions.filter(({ time }) => time <= horizon);
    const pairs = known.flatMap((later) => {
      const { time, k, s } = later;
      const isEarlier = (each: Version): boolean => {
        return each.time < time && ((k !== null && each.k === k) || (s !== null && each.s === s));
      };
      return known.filter(isEarlier).map((each) => ({ ...later, since: each.time }));
    });
    if (pairs.length === 0) return this.#event();
    const { since, time, k, s } = random.pick(pairs);
    const at = random.pick([since, time - 1, random.between(since, time - 1)]);
    return this.#eventAt(at, this.#receivedAt(), { k, s });
  }

  /** An event with these members in its `data`, beside others. */
  #eventAt(time: number, receivedAt: number | null, own: Members): Line {
    const random = this.#random;
    const eventType = random.pick(random.chance(0.6) ? this.#wanted : EVENT_TYPES);
    const data = { ...this.#data(), ...own };
    if (this.#tables.some(({ from }) => takesType(from, eventType))) {
      this.#versions.push({ time, k: data["k"] ?? null, s: data["s"] ?? null });
    }
    const event: Members = {
      eventId: `e${this.#nextId++}`,
      eventType,
      eventVersion: random.pick(["1.0", "1.0", "2.11"]),
      eventTime: this.#timeText(time),
      correlationId: random.pick(["c", "C-é"]),
      data,
    };
    if (random.chance(0.2)) event["source"] = random.pick(["till-1", "🍕", null]);
    if (random.chance(0.1)) event["causationId"] = random.pick(["e0", null]);
    if (random.chance(0.2)) event["extra"] = { note: random.pick(STRINGS) };
    return this.#send(
      this.#isCloudy && random.chance(0.5) ? asCloudEvent(event) : event,
      receivedAt,
    );
  }

  #send(event: Members, receivedAt: number | null): Line {
    const line = { text: render(event, this.#random), receivedAt };
    this.#sent.push({ event, line });
    return line;
  }

  /** The same content written another way: "key order and white space do not matter". */
  #again(): Line {
    const sent = this.#earlier();
    if (sent === undefined) return this.#event();
    const random = this.#random;
    const event = { ...sent.event };
    if (random.chance(0.2)) event["receivedAt"] = random.below(1000);
    if (random.chance(0.1)) event["source"] ??= null;
    const receivedAt = random.chance(0.5) ? sent.line.receivedAt : this.#receivedAt();
    return { text: random.chance(0.3) ? sent.line.text : render(event, random), receivedAt };
  }

  #earlier(): { readonly event: Members; readonly line: Line } | undefined {
    const sent = this.#sent;
    const recent = sent.length - 1 - this.#random.below(Math.min(sent.length, 6) || 1);
    return this.#random.chance(0.6) ? sent[recent] : sent[this.#random.below(sent.length || 1)];
  }

  /** The same identity with other content. */
  #conflict(): Line {
    const sent = this.#earlier();
    if (sent === undefined) return this.#event();
    const event: Members = { ...sent.event };
    const receivedAt = this.#receivedAt();
    const spoil = this.#random.below(3);
    if (spoil === 0 || Object.hasOwn(event, "id")) event["data"] = this.#data();
    else if (spoil === 1) event["eventTime"] = this.#timeText(this.#eventTime(receivedAt));
    else event["eventType"] = this.#random.pick(EVENT_TYPES);
    return this.#send(event, receivedAt);
  }

  #tick(): Line {
    const random = this.#random;
    const { unitMs } = this.#shape;
    const past = random.chance(0.2);
    const tick = this.#now + (past ? -random.below(5 * unitMs) : random.below(2 * unitMs));
    if (!past && random.chance(0.5)) this.#now = Math.min(tick, YEAR_9999_END_MS);
    const near = random.chance(0.4) ? this.#boundary() : tick;
    return { text: JSON.stringify({ tick: near }), receivedAt: null };
  }

  #spoilt(): Line {
    const random = this.#random;
    const receivedAt = this.#receivedAt();
    if (random.chance(0.1)) return { text: "[1]", receivedAt, invalid: "expected_object" };
    if (random.chance(0.1)) return { text: '{"a":', receivedAt, invalid: "invalid_json" };
    const event: Members = {
      eventId: random.chance(0.3) ? "e0" : `e${this.#nextId}`,
      eventType: "order.created",
      eventVersion: "1.0",
      eventTime: this.#timeText(this.#eventTime(receivedAt)),
      correlationId: "c",
      data: {},
    };
    const [invalid, spoil] = random.pick(FAULTS);
    spoil(event);
    return { text: render(event, random), receivedAt, invalid };
  }

  #data(): Members {
    const random = this.#random;
    const { wild } = this.#shape;
    const keys = ["R1", "R1", "R1", "R2", 1, "1", true, "é", "😀"];
    const data: Members = {
      k: random.chance(0.5) ? "R1" : random.pick(keys),
      n: randomNumber(random, wild),
    };
    if (random.chance(0.6)) data["m"] = randomNumber(random, wild);
    if (random.chance(0.5)) data["s"] = random.pick(STRINGS);
    if (random.chance(0.3)) data["b"] = random.chance(0.5);
    if (random.chance(0.2)) data["deep"] = { n: randomNumber(random, wild), s: "x" };
    if (random.chance(0.1)) data["list"] = [1, { n: 2 }];
    if (random.chance(0.06)) data["k"] = random.pick<Json>([null, [], {}, 1.5, -0, "__other__"]);
    if (random.chance(0.04)) delete data["k"];
    if (random.chance(0.06)) data["n"] = random.pick<Json>([null, "5", true, [1], { x: 1 }]);
    return data;
  }

  #receivedAt(): number | null {
    const random = this.#random;
    if (this.#receives === "never") return null;
    if (this.#receives === "sometimes" && random.chance(0.5)) return null;
    return this.#now + random.pick([0, 1, random.below(this.#shape.unitMs)]);
  }

  #eventTime(receivedAt: number | null): number {
    const random = this.#random;
    const { unitMs } = this.#shape;
    const maxAheadMs = durationMs(this.#plan.clock?.["maxAhead"] ?? "5m");
    const ahead = (receivedAt ?? this.#now) + maxAheadMs;
    const time = random.weighted<() => number>([
      [40, () => this.#now],
      [25, () => this.#now - random.below(2 * unitMs)],
      [5, () => this.#now - random.below(12 * unitMs)],
      [25, () => this.#boundary()],
      [2, () => this.#now + random.below(2 * unitMs)],
      // At the guard of step 3; without a receive time only the clock would suffer.
      [receivedAt === null ? 0 : 5, () => ahead + random.pick([-1, 0, 1, unitMs])],
      [receivedAt === null ? 0 : 1, () => YEAR_9999_END_MS],
    ])();
    if (random.chance(0.0005)) return YEAR_9999_END_MS - random.below(unitMs);
    if (random.chance(0.002)) return random.pick([YEAR_0_MS, -1, 0]);
    return Math.min(Math.max(time, YEAR_0_MS), YEAR_9999_END_MS);
  }

  /** An instant at which something begins, ends, closes or is forgotten, or the ms beside it. */
  #boundary(): number {
    const random = this.#random;
    const { window, retain = 0 } = random.pick(this.#plan.queries);
    const { clock = {} } = this.#plan;
    const [start, size] = periodAt(window, this.#now - random.pick([0, 0, this.#shape.unitMs]));
    const graceMs = durationMs(window.grace ?? 0);
    const delayMs = durationMs(clock["delay"] ?? 0);
    const instant = random.weighted<() => number>([
      [3, () => start],
      [3, () => start + size],
      [3, () => start + size + graceMs],
      [2, () => start + size + graceMs + delayMs],
      [1, () => start + size + graceMs + durationMs(retain)],
      [1, () => this.#now - durationMs(clock["dedup"] ?? "7d")],
    ])();
    const time = instant + random.pick([-1, 0, 0, 1]);
    // Not too far off, so that the feed is not over at once.
    if (Math.abs(time - this.#now) > 20 * this.#shape.unitMs) return this.#now;
    return Math.min(Math.max(time, YEAR_0_MS), YEAR_9999_END_MS);
  }

  /** A time as RFC 3339 in one of its spellings; digits behind the ms are cut. */
  #timeText(time: number): string {
    const random = this.#random;
    const minutes = random.pick([0, 0, 0, 60, -330, 23 * 60 + 59, -(23 * 60 + 59)]);
    const local = time + minutes * 60_000;
    if (minutes === 0 || local < YEAR_0_MS || local > YEAR_9999_END_MS) {
      const text = new Date(time).toISOString();
      if (random.chance(0.7)) return text;
      const more = text.replace("T", random.pick(["T", "t", " "])).replace(/Z$/, "9".repeat(3));
      return `${more}${random.pick(["Z", "z", "+00:00", "-00:00"])}`;
    }
    const size = Math.abs(minutes);
    const digits = (value: number): string => String(value).padStart(2, "0");
    const offset = `${digits(Math.floor(size / 60))}:${digits(size % 60)}`;
    return new Date(local).toISOString().replace(/Z$/, `${minutes < 0 ? "-" : "+"}${offset}`);
  }
}

/** Where the window's grid stands around a time: a period's start, and its size. */
function periodAt(window: WindowJson, time: number): readonly [start: number, size: number] {
  const gap = window.gap === undefined ? DAY_MS : durationMs(window.gap);
  if (window.kind === "session") return [time, gap];
  if (window.kind === "global" || window.timezone !== undefined) {
    return [floorDiv(time, 3_600_000) * 3_600_000, 3_600_000];
  }
  const offset = durationMs(window.offset ?? 0);
  const size = durationMs(window.size!);
  const period = durationMs(window.every ?? window.size!);
  return [floorDiv(time - offset, period) * period + offset, size];
}

function asCloudEvent(event: Members): Members {
  const { eventId, eventType, eventTime, eventVersion, correlationId, causationId, ...rest } =
    event;
  return {
    specversion: "1.0",
    id: eventId!,
    type: eventType!,
    time: eventTime!,
    ...(eventVersion !== "1.0" && { eventversion: eventVersion! }),
    ...(correlationId !== "c" && { correlationid: correlationId! }),
    ...(causationId !== undefined && { causationid: causationId }),
    ...rest,
  };
}
