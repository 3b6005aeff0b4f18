// The model against worked examples, where the engine does not run a kind yet or where two readings
// of one text could share a mistake: the sentences of semantics.md that have a number in them.

import { describe, expect, test } from "vitest";
import { answersOf } from "../model/aggregate.ts";
import type { AggregateJson, PlanJson, QueryJson } from "../model/plan.ts";
import { windowsOf } from "../model/window.ts";
import { Model, type Line } from "../model.ts";

function event(type: string, time: number, data: object = {}): Line {
  const eventId = `${type}-${time}-${JSON.stringify(data)}`;
  const eventTime = new Date(time).toISOString();
  const common = { eventVersion: "1.0", correlationId: "c" };
  const text = JSON.stringify({ eventId, eventType: type, eventTime, ...common, data });
  return { text, receivedAt: null };
}

function tick(ms: number): Line {
  return { text: `{"tick":${ms}}`, receivedAt: null };
}

function plan(query: Partial<QueryJson>, more: Partial<PlanJson> = {}): PlanJson {
  const window = { kind: "tumbling", size: 100, grace: 50 };
  const base = { name: "q", key: {}, window, aggregate: { n: { fn: "count" } } };
  return { version: 1, ...more, queries: [{ ...base, ...query }] };
}

/** Each push's changes as `kind [start, end) value`. */
function told(model: Model, ...pushes: readonly Line[][]): string[][] {
  return pushes.map((lines) => {
    return model.push(lines).changes.map(({ kind, start, end, value }) => {
      return `${kind} [${start}, ${end}) ${JSON.stringify(Object.values(value))}`;
    });
  });
}

describe("windows", () => {
  const of = (window: object, time: number): (readonly [number | null, number | null])[] => {
    const windows = windowsOf({ kind: "", grace: 0, ...window }, time);
    return windows.map(({ start, end }) => [start, end]);
  };
  test("tumbling: floorDiv rounds towards minus infinity", () => {
    expect(of({ kind: "tumbling", size: 10 }, -1)).toEqual([[-10, 0]]);
    expect(of({ kind: "tumbling", size: 10, offset: "-3ms" }, -4)).toEqual([[-13, -3]]);
  });
  test("hopping: every s ≡ offset (mod every) with s <= t < s + size", () => {
    const window = { kind: "hopping", size: 10, every: 4 };
    expect(of(window, 9)).toEqual([
      [0, 10],
      [4, 14],
      [8, 18],
    ]);
    expect(of(window, 10)).toHaveLength(2);
    expect(of(window, -1)).toEqual([
      [-8, 2],
      [-4, 6],
    ]);
  });
  test("cumulate: every e with t < e <= b + size", () => {
    const window = { kind: "cumulate", size: 10, every: 5 };
    expect(of(window, 4)).toEqual([
      [0, 5],
      [0, 10],
    ]);
    expect(of(window, 5)).toEqual([[0, 10]]);
  });
});

describe("calendar days, from the first instant at which the wall clock shows midnight or later", () => {
  const cases: readonly (readonly [zone: string, size: string, offset: string, ...string[]])[] = [
    // A day of 23 hours, one of 25, one of 24.5.
    ["Europe/Berlin", "1d", "0s", "2024-03-31T12:00Z", "2024-03-30T23:00Z", "2024-03-31T22:00Z"],
    ["Europe/Berlin", "1d", "0s", "2024-10-27T12:00Z", "2024-10-26T22:00Z", "2024-10-27T23:00Z"],
    [
      "Australia/Lord_Howe",
      "1d",
      "0s",
      "2024-04-07T00:00Z",
      "2024-04-06T13:00Z",
      "2024-04-07T13:30Z",
    ],
    // Midnight is skipped: the day begins at one.
    [
      "America/Sao_Paulo",
      "1d",
      "0s",
      "2018-11-04T12:00Z",
      "2018-11-04T03:00Z",
      "2018-11-05T02:00Z",
    ],
    // Midnight comes twice: the first counts.
    ["America/Havana", "1d", "0s", "2024-11-03T04:30Z", "2024-11-03T04:00Z", "2024-11-04T05:00Z"],
    // The whole of 30 December 2011 never was.
    ["Pacific/Apia", "1d", "0s", "2011-12-30T09:59Z", "2011-12-29T10:00Z", "2011-12-30T10:00Z"],
    ["Pacific/Apia", "1d", "0s", "2011-12-30T10:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z"],
    // A business day that ends at four; the day before a shift that skips nothing of it.
    ["Europe/Berlin", "1d", "4h", "2024-03-31T01:59Z", "2024-03-30T03:00Z", "2024-03-31T02:00Z"],
    // ISO weeks begin on Monday, with -1d on Sunday.
    ["UTC", "1w", "0s", "1970-01-01T00:00Z", "1969-12-29T00:00Z", "1970-01-05T00:00Z"],
    ["UTC", "1w", "-1d", "1970-01-04T00:00Z", "1970-01-04T00:00Z", "1970-01-11T00:00Z"],
    ["UTC", "1mo", "0s", "2024-02-29T23:59Z", "2024-02-01T00:00Z", "2024-03-01T00:00Z"],
    ["UTC", "1y", "0s", "0000-06-01T00:00Z", "0000-01-01T00:00Z", "0001-01-01T00:00Z"],
  ];
  test.each(cases)("%s %s %s holds %s", (timezone, size, offset, at, start, end) => {
    const window = { kind: "tumbling", size, timezone, offset, grace: 0 };
    const [{ start: gotStart, end: gotEnd }] = windowsOf(window, Date.parse(at!)) as [
      { start: number; end: number },
    ];
    expect([gotStart, gotEnd]).toEqual([Date.parse(start!), Date.parse(end!)]);
  });
});

describe("sessions", () => {
  const query = { from: ["*"], window: { kind: "session", gap: 10, grace: 5 } };

  test("exactly gap apart is one session; what was told of its parts is retracted", () => {
    const model = new Model(plan(query));
    const pushes = [[event("a", 0)], [event("a", 10)], [event("a", 30), event("a", 20)]];
    expect(told(model, ...pushes)).toEqual([
      ["update [0, 10) [1]"],
      ["retract [0, 10) [1]", "update [0, 20) [2]"],
      ["final [0, 20) [2]", "update [30, 40) [1]"],
    ]);
    // T = 30 had passed 25: the event at 20 touched a final session.
    expect(model.stats().queries["q"]).toMatchObject({ applied: 3, late: 1, open: 1 });
  });

  test("is open while T <= end + grace", () => {
    const pushes = [[event("a", 0)], [tick(15)], [tick(16)]];
    expect(told(new Model(plan(query)), ...pushes).slice(1)).toEqual([[], ["final [0, 10) [1]"]]);
  });

  test("merges two sessions into one, retracts both, and counts the events of all parts", () => {
    const pushes = [[event("a", 18), event("a", 7)], [event("a", 17)]];
    const model = new Model(plan({ ...query, window: { kind: "session", gap: 10, grace: 50 } }));
    expect(told(model, ...pushes)).toEqual([
      ["update [7, 17) [1]", "update [18, 28) [1]"],
      ["retract [7, 17) [1]", "update [7, 28) [3]", "retract [18, 28) [1]"],
    ]);
  });
});

describe("spans", () => {
  const span = { from: ["made"], to: ["paid"], on: "data.k", within: 100, wait: 10, early: 5 };
  const window = { kind: "tumbling", size: 1000, grace: 50 };
  const aggregate: QueryJson["aggregate"] = {
    durations: { fn: "top", of: "span.duration", k: 9 },
    expired: { fn: "count", where: ["==", ["get", "span.outcome"], "expired"] },
  };
  const run = (...lines: Line[]) => {
    const model = new Model(plan({ span, window, aggregate }));
    const changes = lines.flatMap((line) => model.push([line]).changes);
    return { ...model.stats().queries["q"], value: changes.at(-1)?.value, at: changes.at(-1) };
  };
  const k = { k: 1 };

  test("whichever way its facts came", () => {
    const lines = [event("made", 8, k), event("paid", 12, k)];
    for (const order of [lines, lines.toReversed()]) {
      const { value } = run(...order, tick(200));
      expect(value).toEqual({ durations: [{ value: 4, count: 1 }], expired: 0 });
    }
  });
  test("a `to` may be stamped `early` before its `from`", () => {
    const early = run(event("made", 20, k), event("paid", 15, k), tick(200));
    expect(early.value).toEqual({ durations: [{ value: -5, count: 1 }], expired: 0 });
    const tooEarly = run(event("made", 20, k), event("paid", 14, k), tick(100));
    expect(tooEarly).toMatchObject({ unmatched: 1, value: undefined });
  });
  test("completes at the very limit, expires when T passes it", () => {
    const atLimit = run(event("made", 0, k), tick(115), event("paid", 100, k));
    expect(atLimit).toMatchObject({ value: { expired: 0 }, at: { position: 2 } });
    expect(run(event("made", 0, k), tick(115))).toMatchObject({ value: undefined });
    expect(run(event("made", 0, k), tick(116))).toMatchObject({ value: { expired: 1 } });
  });
  test("repeated, unmatched, late and unkeyed facts are counted", () => {
    const lines = [event("made", 0, k), event("made", 1, k), event("paid", 2, { k: "1" })];
    const late = [tick(50), event("made", 39, k), event("made", 60)];
    expect(run(...lines, ...late)).toMatchObject({
      repeated: 1,
      unmatched: 1,
      lateFacts: 1,
      unkeyed: 1,
    });
  });
});

describe("tables", () => {
  const tables = { t: { from: ["up"], key: "data.k", history: 100 } };
  const lookUp = { with: [{ table: "t", on: "data.k", as: "row" }], from: ["order"] };
  const aggregate: QueryJson["aggregate"] = { zones: { fn: "top", of: "row.data.z", k: 9 } };
  const zones = (lines: readonly Line[], wait = 0): unknown => {
    const model = new Model(plan({ ...lookUp, aggregate, ...(wait > 0 && { wait }) }, { tables }));
    const changes = lines.flatMap((line) => model.push([line]).changes);
    return (changes.at(-1)!.value["zones"] as { value: string }[]).map(({ value }) => value);
  };
  const up = (time: number, z: string): Line => event("up", time, { k: 1, z });
  const order = (time: number): Line => event("order", time, { k: 1 });

  test("as of the event's time, not what arrived last", () => {
    expect(zones([up(0, "A"), up(20, "B"), order(19)])).toEqual(["A"]);
    expect(zones([up(0, "A"), up(20, "B"), order(20)])).toEqual(["B"]);
    expect(zones([up(5, "A"), order(4)])).toEqual([]);
  });
  test("a version that comes a little after its event is found by one that waits", () => {
    expect(zones([order(10), up(10, "A"), tick(20)], 10)).toEqual(["A"]);
    expect(zones([order(10), up(10, "A"), tick(20)])).toEqual([]);
  });
  test("a version is forgotten once a later one is at or before T - history", () => {
    const late = { kind: "tumbling", size: 100, grace: 1000 };
    const query = { ...lookUp, aggregate, window: late };
    const run = (t: number): unknown => {
      const model = new Model(plan(query, { tables }));
      const lines = [up(0, "A"), up(20, "B"), tick(t), order(19)];
      return model.push(lines).changes.at(-1)?.value["zones"];
    };
    expect(run(119)).toEqual([{ value: "A", count: 1 }]);
    expect(run(120)).toEqual([]);
  });
});

describe("aggregates", () => {
  const of = (aggregate: AggregateJson, ...inputs: (number | string | boolean)[]) => {
    const rows = inputs.map((x, order) => {
      return { root: { x }, time: 0, position: order, order, isReleased: false };
    });
    const query = plan({ aggregate: { a: { of: "x", ...aggregate } } }).queries[0]!;
    const { value, accepts } = answersOf(query, rows);
    return { value: value["a"], accepts: accepts["a"] };
  };
  test("0.1 + 0.2 prints 0.3", () => {
    expect(of({ fn: "sum" }, 0.1, 0.2).value).toBe(0.3);
    expect(of({ fn: "sum" }, 12345678901.123456, -12345678901, 1e15).value).toBe(1e15 + 0.123456);
  });
  test("all inputs equal: variance 0; sample variance else; null for n < 2", () => {
    expect(of({ fn: "variance" }, 0.1, 0.1, 0.1).value).toBe(0);
    expect(of({ fn: "variance" }, 1, 2, 4).value).toBe(7 / 3);
    expect(of({ fn: "stddev" }, 5).value).toBe(null);
  });
  test("quantile: rank floor(q (n - 1)), 1 %, never outside the inputs", () => {
    const median = of({ fn: "quantile", q: 0.5 }, 3, 1, 100, 200);
    expect(median.value).toBe(3);
    expect([2.98, 3.02, 3.1, 2.9].map((got) => median.accepts!(got))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(of({ fn: "quantile", q: 1 }, 7, 7).accepts!(7.01)).toBe(false);
  });
  test("top: ties by booleans, numbers, strings, each ascending by UTF-8", () => {
    const top = of({ fn: "top", k: 9 }, "😀", "\uffee", 2, "1", 1, true, false, 2).value;
    const values = (top as { value: unknown }[]).map(({ value }) => value);
    expect(values).toEqual([2, false, true, 1, "1", "\uffee", "😀"]);
  });
  test("histogram: [b_i, b_i+1) with both open ends", () => {
    expect(of({ fn: "histogram", bounds: [0, 10] }, -1, 0, 9.9, 10, 11).value).toEqual([1, 2, 2]);
  });
});
