// The recorded Friday: that its command makes exactly it, that it is hurt as it says, that its
// figures are those of real evenings, and that the truth beside it follows from its lines alone
// (worked out here a second time, from the bytes).

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import type { Row, Truth } from "../demo/city/truth.ts";
import { MINUTE, quantileOf, recompute, totalOf, WINDOW } from "./recomputed.ts";
import type { Line, Sent } from "./recomputed.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const COMMAND = join(ROOT, "demo/city/record.ts");
const SHIPPED = join(ROOT, "demo/recorded/friday.ndjson.gz");
const SHIPPED_TRUTH = join(ROOT, "demo/recorded/friday.truth.json.gz");
/** For a machine that does much else; the whole file takes five seconds on one that does not. */
const SLOW = MINUTE;

const bytes = gunzipSync(readFileSync(SHIPPED));
const rawLines = split(bytes);
const truth = JSON.parse(gunzipSync(readFileSync(SHIPPED_TRUTH)).toString()) as Truth;
const malformed = linesHurt("malformed:");
const lines: Line[] = rawLines.flatMap((line, index) => {
  if (malformed.has(index)) return [];
  const sent = JSON.parse(line.toString()) as Sent;
  return [{ index, at: Date.parse(sent.eventTime), sent }];
});
const accepted = withoutDuplicates(lines);
const folder = mkdtempSync(join(tmpdir(), "millrace-recording-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the command", () => {
  test("with the shipped seed gives the shipped bytes, unzipped", { timeout: SLOW }, () => {
    const out = join(folder, "friday.ndjson");
    expect(record("--out", out)).toMatchObject({ status: 0, stderr: "" });
    expect(readFileSync(out).equals(bytes)).toBe(true);
    const told = readFileSync(join(folder, "friday.truth.json"), "utf8");
    expect(told === gunzipSync(readFileSync(SHIPPED_TRUTH)).toString()).toBe(true);
  });

  test(
    "with another seed gives another evening, twice the same, zipped or not",
    { timeout: SLOW },
    () => {
      const small = ["--seed", "7", "--restaurants", "12", "--hours", "1", "--out"];
      expect(record(...small, join(folder, "once.ndjson")).status).toBe(0);
      expect(record(...small, join(folder, "twice.ndjson.gz")).status).toBe(0);
      expect(record("--seed", "8", ...small.slice(2), join(folder, "other.ndjson")).status).toBe(0);
      const once = readFileSync(join(folder, "once.ndjson"));
      expect(gunzipSync(readFileSync(join(folder, "twice.ndjson.gz"))).equals(once)).toBe(true);
      const told = readFileSync(join(folder, "once.truth.json"));
      const again = gunzipSync(readFileSync(join(folder, "twice.truth.json.gz")));
      expect(again.equals(told)).toBe(true);
      expect(readFileSync(join(folder, "other.ndjson")).equals(once)).toBe(false);
      expect(split(once).length).toBe((JSON.parse(told.toString()) as Truth).lines);
    },
  );

  test.each([
    [["--restaurants", "0"], "Got --restaurants 0 when 1 to 2000 fit."],
    [["--hours", "7"], "Got --hours 7 when more than 0 and at most 6 fit."],
    [["--seed", "x"], "Got --seed x when a whole number fits."],
    [["--speed", "2"], "--speed"],
  ])("refuses %j and says why", { timeout: SLOW }, (args, sentence) => {
    const { status, stderr } = record(...args);
    expect(status).toBe(2);
    expect(stderr).toContain(sentence);
  });

  test("imports nothing of the engine, and only itself touches the host", () => {
    const sources = importedFrom(COMMAND);
    expect(sources.size).toBeGreaterThan(10);
    for (const [file, imports] of sources) {
      const allowed = file === COMMAND ? /^(\.\/|node:)/ : /^\.\//;
      expect(imports.filter((name) => !allowed.test(name))).toEqual([]);
      expect(dirname(file)).toBe(dirname(COMMAND));
    }
  });

  test("uses nothing that differs from run to run or from machine to machine", () => {
    for (const file of importedFrom(COMMAND).keys()) {
      const code = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
      const found = code.match(/Date\.now|new Date\(\)|Math\.(random|pow)|\*\*|toLocale|Intl\b/g);
      expect({ file, found }).toEqual({ file, found: null });
    }
  });
});

describe("the lines", () => {
  test("stand in the order of their arrival, and none happened after it", () => {
    const wrong = lines.filter(({ at, sent }, place) => {
      const before = lines[place - 1]?.sent.receivedAt ?? 0;
      return !(at <= sent.receivedAt && before <= sent.receivedAt);
    });
    expect(wrong).toEqual([]);
  });

  test("open with every restaurant, every customer and drivers' shifts", () => {
    const types = new Set(lines.slice(0, 4300).map(({ sent }) => sent.eventType));
    expect([...types]).toEqual(["restaurant.updated", "customer.updated", "driver.shift_started"]);
    expect(countOf("restaurant.updated")).toBe(250 + 20);
    expect(countOf("customer.updated")).toBe(4000 + 100);
  });

  test("end with twenty orders of Saturday noon after a night of silence", () => {
    const noon = Date.UTC(2024, 2, 16, 12);
    const saturday = accepted.filter(({ at }) => at >= noon);
    const orders = saturday.filter(({ sent }) => sent.eventType === "order.created");
    expect(orders.length).toBe(20);
    expect(saturday[0]?.sent.eventType).toBe("order.created");
    const arrivals = lines.map(({ sent }) => sent.receivedAt);
    const night = (at: number) => at > Date.UTC(2024, 2, 16) && at < noon - 15 * MINUTE;
    expect(arrivals.filter(night)).toEqual([]);
  });

  test("have ids of their own, one correlation an order, and causes that exist", () => {
    const ids = new Set(accepted.map(({ sent }) => sent.eventId));
    expect(ids.size).toBe(accepted.length);
    const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/;
    expect([...ids].filter((id) => !shape.test(id))).toEqual([]);
    const causes = accepted.flatMap(({ sent }) => sent.causationId ?? []);
    expect(causes.filter((id) => !ids.has(id))).toEqual([]);
    const ofOrders = accepted.filter(({ sent }) => sent.data.orderId !== undefined);
    const correlations = Map.groupBy(ofOrders, ({ sent }) => sent.correlationId);
    const orders = Map.groupBy(ofOrders, ({ sent }) => sent.data.orderId);
    const pairs = new Set(ofOrders.map(({ sent }) => sent.correlationId + sent.data.orderId));
    expect([orders.size, pairs.size]).toEqual([correlations.size, correlations.size]);
    expect(correlations.size).toBe(truth.counts["orders"]);
  });

  test("add up: the items to the total, the counts to the lines", () => {
    const wrong = created().filter(({ data }) => {
      const pence = (data.items ?? []).map(({ qty, price }) => qty * Math.round(price * 100));
      return pence.reduce((sum, some) => sum + some, 0) !== Math.round(totalOf(data) * 100);
    });
    expect(wrong).toEqual([]);
    const { counts } = truth;
    expect(truth.lines).toBe(rawLines.length);
    expect(counts["accepted"]).toBe(accepted.length);
    expect(counts["duplicate"]).toBe(lines.length - accepted.length);
    expect(counts["invalid"]).toBe(rawLines.length - lines.length);
    const homeless = accepted.filter(({ sent }) => sent.data.restaurantId === undefined);
    expect(counts["unroutable"]).toBe(homeless.length);
  });
});

describe("the hurts", () => {
  test.each([
    ["duplicate", 0.01],
    ["out_of_order", 0.03],
    ["late", 0.005],
    ["very_late", 0.001],
    ["clock_backwards", 0.003],
  ])("have their share: %s %d", (hurt, share) => {
    expect(linesHurt(hurt).size / truth.lines).toBeCloseTo(share, 3);
  });

  test("a duplicate is the first again but for its arrival", () => {
    const first = new Map(accepted.map(({ sent }) => [sent.eventId, sent]));
    const marked = linesHurt("duplicate");
    const known = new Set(accepted.map(({ index }) => index));
    const wrong = lines.filter(({ index, sent }) => {
      if (marked.has(index) === known.has(index)) return true;
      const again = { ...sent, receivedAt: first.get(sent.eventId)?.receivedAt };
      return JSON.stringify(again) !== JSON.stringify(first.get(sent.eventId));
    });
    expect(wrong).toEqual([]);
  });

  test("a line is behind the clock exactly if it is said to be", () => {
    const must = new Set(["out_of_order", "late", "very_late"].flatMap((n) => [...linesHurt(n)]));
    const excused = must.union(linesHurt("clock_backwards")).union(linesHurt("silence"));
    let clock = 0;
    const wrong: number[] = [];
    for (const { index, at } of accepted) {
      if (at < clock && !excused.has(index)) wrong.push(index);
      if (at >= clock && must.has(index)) wrong.push(index);
      clock = Math.max(clock, at);
    }
    expect(wrong).toEqual([]);
  });

  test.each([
    ["out_of_order", 0, MINUTE],
    ["late", MINUTE, 10 * MINUTE],
    ["very_late", 90 * MINUTE, 24 * 60 * MINUTE],
  ])("%s arrives within its bounds after it happened", (hurt, least, most) => {
    const marked = linesHurt(hurt);
    const hit = lines.filter(({ index }) => marked.has(index));
    const waits = hit.map(({ at, sent }) => sent.receivedAt - at);
    expect(Math.min(...waits)).toBeGreaterThan(least);
    expect(Math.max(...waits)).toBeLessThan(most);
  });

  test("a clock that runs backwards stamps before the event that it follows", () => {
    const marked = linesHurt("clock_backwards");
    const byOrder = Map.groupBy(accepted, ({ sent }) => sent.correlationId);
    const wrong = [...byOrder.values()].flatMap((list) =>
      list.filter(({ index, at, sent }) => {
        // The events of an order are numbered as they really happened.
        const before = list.filter((one) => one.sent.eventId < sent.eventId);
        return marked.has(index) && before.every((one) => one.at <= at);
      }),
    );
    expect(wrong).toEqual([]);
  });

  test("one restaurant is at twenty times its demand for a quarter of an hour", () => {
    const marked = linesHurt("burst");
    const burst = accepted.filter(({ index }) => marked.has(index));
    const [restaurantId] = new Set(burst.map(({ sent }) => sent.data.restaurantId));
    const own = created().filter(({ data }) => data.restaurantId === restaurantId);
    const times = burst.map(({ at }) => at);
    expect(Math.max(...times) - Math.min(...times)).toBeLessThan(15 * MINUTE);
    const usual = (own.length - burst.length) / (4 * 4 - 1);
    expect(burst.length / usual).toBeGreaterThan(14);
  });

  test("one feed says nothing for three minutes, and then everything at once", () => {
    const marked = linesHurt("silence");
    const held = lines.filter(({ index }) => marked.has(index));
    const [end = 0, ...others] = new Set(held.map(({ sent }) => sent.receivedAt));
    const [restaurantId] = new Set(held.map(({ sent }) => sent.data.restaurantId));
    const own = lines.filter(({ sent }) => sent.data.restaurantId === restaurantId);
    const arrivals = own.map(({ sent }) => sent.receivedAt);
    expect(arrivals.filter((at) => at >= end - 3 * MINUTE && at < end)).toEqual([]);
    expect({ others, many: held.length > 20 }).toEqual({ others: [], many: true });
    // The city's clock has closed their window by then; the restaurant's own has not.
    expect(truth.city.late.some(({ line }) => marked.has(line))).toBe(true);
    expect(truth.alone[restaurantId ?? ""]?.late.some(({ line }) => marked.has(line))).toBe(false);
  });

  test("both versions of order.created come, also in one window of one restaurant", () => {
    const old = linesHurt("version_1.0");
    const wrong = lines.filter(({ index, sent: { eventType, eventVersion, eventTime, data } }) => {
      if (eventType !== "order.created") return old.has(index);
      const isOld = typeof data.total === "string" && data.placedAt === eventTime;
      if (isOld) return !old.has(index) || eventVersion !== "1.0" || "orderTotal" in data;
      return old.has(index) || eventVersion !== "2.0" || typeof data.orderTotal !== "number";
    });
    expect(wrong).toEqual([]);
    const mixed = truth.city.asSent.filter(({ value }, index) => {
      return value.revenue !== null && value.revenue !== truth.city.upcast[index]?.value.revenue;
    });
    expect(mixed.length).toBeGreaterThan(10);
  });

  test("a malformed line has exactly the fault that it is said to have, the others have none", () => {
    expect(Math.abs(malformed.size - 30)).toBeLessThanOrEqual(10);
    const wrong = rawLines.flatMap((line, index) => {
      const kind = truth.hurt[index]?.[0]?.split("malformed:")[1];
      const code = kind === undefined ? null : truth.codes[kind];
      const fault = faultOf(line);
      return fault === code ? [] : [{ index, fault, code }];
    });
    expect(wrong).toEqual([]);
  });
});

describe("the figures", () => {
  const orders = new Map<string, Map<string, number>>();
  for (const { at, sent } of accepted) {
    if (sent.data.orderId === undefined) continue;
    const steps = orders.get(sent.data.orderId) ?? new Map<string, number>();
    orders.set(sent.data.orderId, steps.set(sent.eventType, at));
  }
  const asap = new Set(created().flatMap(({ data }) => (data.isAsap ? [data.orderId] : [])));

  function minutes(from: string, to: string, among?: Set<string | undefined>): number[] {
    return [...orders].flatMap(([orderId, steps]) => {
      const start = steps.get(from);
      const end = steps.get(to);
      if (start === undefined || end === undefined) return [];
      return among === undefined || among.has(orderId) ? [(end - start) / MINUTE] : [];
    });
  }

  test("there are about 5,000 orders and 45,000 events of their lives", () => {
    expect(Math.abs(orders.size - 5000)).toBeLessThan(150);
    const events = accepted.filter(({ sent }) => sent.data.orderId !== undefined);
    expect(Math.abs(events.length - 45_000)).toBeLessThan(1000);
  });

  test("durations and totals are those of real evenings", () => {
    // The tenth percentile of preparation is the log-normal's own: measured ones lie below it.
    expectQuantiles(minutes("order.accepted", "order.ready"), [7.5, 15, 30, 59]);
    const now = minutes("order.created", "order.delivered", asap);
    expectQuantiles(now, [29, 44, 68, 94]);
    const approach = minutes("driver.assigned", "driver.arrived_at_restaurant");
    expectQuantiles(approach, [5.6, 12.4, 27.4, 52.5]);
    const delivery = minutes("driver.arrived_at_restaurant", "order.delivered");
    expectQuantiles(delivery, [13.6, 22.7, 37.9, 57.6]);
    const totals = created().map(({ data }) => totalOf(data));
    expectQuantiles(totals, [10, 22.5, 49, 97]);
  });

  test("refunds, scheduled orders and missing arrivals have their shares", () => {
    const delivered = countOf("order.delivered");
    expect(countOf("refund.issued") / delivered).toBeCloseTo(0.027, 2);
    const refunds = accepted.flatMap(({ sent }) => sent.data.amount ?? []);
    const mean = refunds.reduce((sum, amount) => sum + amount, 0) / refunds.length;
    expect(Math.abs(mean - 22)).toBeLessThan(3);
    expect(1 - asap.size / orders.size).toBeCloseTo(0.2, 1);
    expect(1 - countOf("driver.arrived_at_restaurant") / delivered).toBeCloseTo(0.25, 1);
  });

  test("the top tenth of the restaurants takes 45 %", () => {
    const own = Map.groupBy(created(), ({ data }) => data.restaurantId);
    const counts = [...own.values()].map(({ length }) => length).sort((a, b) => b - a);
    const top = counts.slice(0, 25).reduce((sum, count) => sum + count, 0);
    expect(Math.abs(top / orders.size - 0.45)).toBeLessThan(0.02);
  });

  test("a zone has 16 to 50 orders in the five minutes of its peak, but for the burst", () => {
    const marked = linesHurt("burst");
    const usual = accepted.filter(
      ({ sent, index }) => sent.eventType === "order.created" && !marked.has(index),
    );
    const zones = Map.groupBy(usual, ({ sent }) => sent.data.zoneId);
    expect(zones.size).toBe(6);
    for (const list of zones.values()) {
      const windows = Map.groupBy(list, ({ at }) => Math.floor(at / WINDOW));
      const peak = Math.max(...[...windows.values()].map(({ length }) => length));
      expect(Math.abs(peak - 33)).toBeLessThanOrEqual(17);
    }
  });
});

describe("the truth", () => {
  test("of the city follows from the lines, every window final", () => {
    const found = recompute(accepted);
    const closed = (rows: Row[]) =>
      rows.map(({ key, window, value }) => {
        const revision = value.orders + 1;
        return { query: "restaurant-metrics", kind: "final", key, window, value, revision };
      });
    expect(truth.city.asSent).toEqual(closed(found.asSent));
    expect(truth.city.upcast).toEqual(closed(found.upcast));
    expect(truth.city.late).toEqual(found.late);
  });

  test("of each restaurant alone follows from its own lines", () => {
    const own = Map.groupBy(accepted, ({ sent }) => sent.data.restaurantId);
    own.delete(undefined);
    expect(Object.keys(truth.alone)).toEqual([...own.keys()].sort());
    for (const [restaurantId, list] of own) {
      expect(truth.alone[restaurantId ?? ""]).toEqual(recompute(list));
    }
  });
});

function record(...args: string[]) {
  return spawnSync(process.execPath, [COMMAND, ...args], { encoding: "utf8" });
}

/** By the byte: as Latin-1 every byte is one character, and comes back as it was. */
function split(file: Buffer): Buffer[] {
  const texts = file.toString("latin1").split("\n").slice(0, -1);
  return texts.map((text) => Buffer.from(text, "latin1"));
}

function linesHurt(name: string): Set<number> {
  const indexes = Object.keys(truth.hurt).map(Number);
  return new Set(indexes.filter((at) => truth.hurt[at]?.some((hurt) => hurt.startsWith(name))));
}

function withoutDuplicates(all: Line[]): Line[] {
  const known = new Set<string>();
  return all.filter(({ sent }) => {
    const identity = `${sent.source} ${sent.eventId}`;
    return !known.has(identity) && known.add(identity);
  });
}

function created(): Sent[] {
  return accepted.flatMap(({ sent }) => (sent.eventType === "order.created" ? [sent] : []));
}

function countOf(type: string): number {
  return accepted.filter(({ sent }) => sent.eventType === type).length;
}

/** Within a tenth of the figures for p10, p50, p90 and p99. */
function expectQuantiles(values: number[], wanted: readonly [number, number, number, number]) {
  const ratios = [0.1, 0.5, 0.9, 0.99].map((q, index) => quantileOf(q, values) / wanted[index]!);
  expect(ratios.filter((ratio) => Math.abs(ratio - 1) > 0.1)).toEqual([]);
}

/** Every source that the command reaches, with what it imports. */
function importedFrom(entry: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const open = [entry];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (found.has(file)) continue;
    const code = readFileSync(file, "utf8");
    const named = code.matchAll(/\b(?:from |import |import\()"([^"]+)"/g);
    const imports = [...named].map((match) => match[1] ?? "");
    found.set(file, imports);
    const near = imports.filter((name) => name.startsWith("."));
    open.push(...near.map((name) => resolve(dirname(file), name)));
  }
  return found;
}

/** What shows in the text that JSON.parse would let pass. */
const SIGNS: [RegExp, string][] = [
  [/\ufffd|\\ud[89a-f]/i, "invalid_utf8"],
  [/\[{33}/, "too_deep"],
  [/^[^{]/, "expected_object"],
  [/(,"k\d+":0){257}/, "too_many_keys"],
  [/"__proto__":/, "forbidden_key"],
  [/:1e999/, "number_out_of_range"],
];

/** The contract's code for what is wrong with a line, or null; enough of it for these lines. */
function faultOf(line: Buffer): string | null {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(line);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text.includes("\ufffd") ? "invalid_utf8" : "invalid_json";
  }
  const sign = SIGNS.find(([pattern]) => pattern.test(text));
  if (sign !== undefined) return sign[1];
  // These lines are compact: what does not come back as it was had a member twice.
  if (JSON.stringify(value) !== text) return "duplicate_key";
  return envelopeFault(value as Record<string, unknown>);
}

function envelopeFault(members: Record<string, unknown>): string | null {
  const { eventId, eventType, eventVersion, eventTime, correlationId, source, data } = members;
  const required = [eventId, eventType, eventVersion, eventTime, correlationId, data];
  if (required.some((member) => member === undefined || member === null)) return "missing_field";
  const named = [eventId, eventType, eventVersion, eventTime, correlationId, source ?? "none"];
  if (named.some((name) => typeof name !== "string")) return "wrong_type";
  if (correlationId === "" || source === "") return "wrong_type";
  if (typeof data !== "object" || Array.isArray(data)) return "wrong_type";
  if (!/^[!-~]{1,128}$/.test(String(eventId))) return "bad_event_id";
  if (!/^[!-~]{1,128}$/.test(String(eventType))) return "bad_event_type";
  if (!/^(0|[1-9]\d*)\.(0|[1-9]\d*)$/.test(String(eventVersion))) return "bad_event_version";
  if (/^\d{4}-\d\d-\d\dT[\d:.]{12}$/.test(String(eventTime))) return "zone_required";
  const ms = Date.parse(String(eventTime));
  return Number.isNaN(ms) || new Date(ms).toISOString() !== eventTime ? "invalid_time" : null;
}
