// The publisher over HTTP, with its real gzip, fetch and timers; only the waits are made short.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  memory,
  publisher,
  type Fault,
  type Outbox,
  type Publisher,
  type PublisherOptions,
} from "../../engine/publish/index.ts";
import { sqlite } from "../../engine/publish/sqlite.ts";
import { event } from "../builders.ts";
import { edge, type Edge } from "./edge.ts";

let server: Edge;
const made: Publisher[] = [];

beforeEach(async () => {
  server = await edge();
});
afterEach(async () => {
  for (const one of made.splice(0)) await one.close();
  await server.close();
});

/** Waits are a hundredth of what they would be; the deadline of a request is too if `isHasty`. */
const quick = (isHasty = false): Partial<PublisherOptions> => ({
  setTimer(run, ms) {
    const timer = setTimeout(run, ms < 60_000 || isHasty ? ms / 100 : ms);
    return () => clearTimeout(timer);
  },
  now: () => Date.now() * 100,
});

function make(options: Partial<PublisherOptions> = {}): Publisher {
  const one = publisher({ url: server.url, ...quick(), ...options });
  made.push(one);
  return one;
}

const newEvent = (number: number, data = {}): ReturnType<typeof event> =>
  event(`e-${number}`, 1_710_530_700_000 + number, data);

/**
 * From now on events to "away" are out of reach, until the answer is called: as the Worker does it,
 * what is for others is taken, and the rest named.
 */
function keepAway(): () => void {
  let isAway = true;
  server.instead = async ({ lines }) => {
    const unavailable = lines.flatMap((line, index) => (line.includes('"away"') ? [index] : []));
    if (!isAway || unavailable.length === 0) return undefined;
    const taken = lines.filter((line) => !line.includes('"away"')).join("\n");
    const receipt = await server.engine.push(taken, { format: "ndjson" });
    return { status: 503, body: { ...receipt, received: lines.length, unavailable } };
  };
  return () => void (isAway = false);
}

/** An outbox whose appends are another's. */
function appending(facts: Outbox, append: Outbox["append"]): Outbox {
  return {
    name: null,
    append,
    read: (after, count) => facts.read(after, count),
    settle: (numbers, backOff) => facts.settle(numbers, backOff),
    backOff: () => facts.backOff(),
    count: () => facts.count(),
    close: () => facts.close(),
  };
}

async function drained(one: Publisher): Promise<void> {
  await expect.poll(async () => (await one.stats()).waiting, { timeout: 10_000 }).toBe(0);
}

describe("A fact", () => {
  test("is kept before the network answers, and sent without being waited for", async () => {
    const store = memory();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    server.instead = () => promise;
    const out = make({ store });
    await out.publish(newEvent(1));
    expect(await store.read(0, 10)).toEqual([{ number: 1, line: JSON.stringify(newEvent(1)) }]);
    expect(await out.stats()).toMatchObject({ waiting: 1, sent: 0 });
    resolve(undefined);
    await drained(out);
    expect(await out.stats()).toEqual({
      waiting: 0,
      sent: 1,
      duplicate: 0,
      quarantined: 0,
      faults: 0,
      retryAt: null,
      problem: null,
    });
    expect(server.engine.stats().accepted).toBe(1);
  });

  test("goes as NDJSON, packed, with the token", async () => {
    const out = make({ token: "secret" });
    await Promise.all([1, 2, 3].map((number) => out.publish(newEvent(number))));
    await drained(out);
    expect(server.asked).toHaveLength(1);
    const { headers, lines } = server.asked[0]!;
    expect(headers).toMatchObject({
      "content-type": "application/x-ndjson",
      "content-encoding": "gzip",
      authorization: "Bearer secret",
    });
    expect(lines).toEqual([1, 2, 3].map((number) => JSON.stringify(newEvent(number))));
  });

  test("that is all alike goes unpacked: an edge unpacks no bomb", async () => {
    const out = make();
    await out.publish(newEvent(1, { note: "x".repeat(200_000) }));
    await drained(out);
    expect(server.asked[0]!.headers).not.toHaveProperty("content-encoding");
    expect(server.engine.stats().accepted).toBe(1);
  });

  test("is an object with JSON", async () => {
    const out = make();
    const loop: { self?: object } = {};
    loop.self = loop;
    await expect(out.publish(loop)).rejects.toThrow(TypeError);
    await expect(out.publish(() => {})).rejects.toThrow("Got no JSON");
    await expect(out.publish({ n: 1n })).rejects.toThrow(TypeError);
    expect(await out.stats()).toMatchObject({ waiting: 0 });
  });

  test("whose outbox is full is refused, with what was published beside it; later ones are not", async () => {
    let isFull = true;
    const facts = memory();
    const store = appending(facts, (lines) => {
      if (isFull) throw new Error("full");
      return facts.append(lines);
    });
    const out = make({ store });
    const refused = [out.publish(newEvent(1)), out.publish(newEvent(2))];
    expect((await Promise.allSettled(refused)).map(({ status }) => status)).toEqual([
      "rejected",
      "rejected",
    ]);
    isFull = false;
    await out.publish(newEvent(3));
    await drained(out);
    expect(server.asked.flatMap(({ lines }) => lines)).toEqual([JSON.stringify(newEvent(3))]);
  });

  test("is not overlooked when it comes while the outbox is found empty", async () => {
    const facts = memory();
    const { promise, resolve } = Promise.withResolvers<void>();
    const reading = Promise.withResolvers<void>();
    const store: Outbox = {
      ...appending(facts, (lines) => facts.append(lines)),
      read: async (after, count) => {
        const page = facts.read(after, count);
        reading.resolve();
        await promise;
        return page;
      },
    };
    const out = make({ store });
    // The first read is under way, of nothing.
    await reading.promise;
    await out.publish(newEvent(1));
    resolve();
    await drained(out);
    expect(server.engine.stats().accepted).toBe(1);
  });

  test("joins those that come while a write is under way", async () => {
    const groups: number[] = [];
    const facts = memory();
    const writing = Promise.withResolvers<void>();
    const { promise, resolve } = Promise.withResolvers<void>();
    const store = appending(facts, async (lines) => {
      groups.push(lines.length);
      writing.resolve();
      await promise;
      await facts.append(lines);
    });
    const out = make({ store });
    const pending = [out.publish(newEvent(0)), out.publish(newEvent(1))];
    await writing.promise;
    for (let number = 2; number < 50; number++) pending.push(out.publish(newEvent(number)));
    await new Promise((then) => setImmediate(then));
    expect(groups).toEqual([2]);
    resolve();
    await Promise.all(pending);
    await drained(out);
    expect(groups).toEqual([2, 48]);
    const ids = server.asked.flatMap(({ lines }) => lines.map((line) => line.slice(0, 20)));
    expect(ids).toEqual(ids.toSorted((a, b) => Number(a.match(/\d+/)) - Number(b.match(/\d+/))));
  });
});

describe("An answer", () => {
  test("that fails is asked for again, with the same bytes", async () => {
    server.instead = (_, index) => (index < 3 ? { status: 500 } : undefined);
    const out = make();
    await out.publish(newEvent(1));
    await drained(out);
    expect(server.asked.map(({ lines }) => lines)).toEqual(
      Array(4).fill([JSON.stringify(newEvent(1))]),
    );
    expect(await out.stats()).toMatchObject({ sent: 1, problem: null, retryAt: null });
  });

  test("that never comes is told with its cause, where the platform knows one", async () => {
    const url = "http://127.0.0.1:59999/v1/events";
    const out = make({ url });
    await out.publish(newEvent(1));
    const problemOf = async (one: Publisher) => (await one.stats()).problem;
    await expect.poll(() => problemOf(out)).toBe("connect ECONNREFUSED 127.0.0.1:59999");
    const tokenless = make({ token: () => Promise.reject(new Error("no token today")) });
    await tokenless.publish(newEvent(1));
    await expect.poll(() => problemOf(tokenless)).toBe("Error: no token today");
    const speechless = make({ token: () => Promise.reject() });
    await speechless.publish(newEvent(1));
    await expect.poll(() => problemOf(speechless)).toBe("undefined");
  });

  test("that is no receipt takes nothing, whatever its status", async () => {
    const impostors: unknown[] = ["<html>", {}, { received: 1 }, { received: 2, accepted: 2 }];
    server.instead = (_, index) =>
      index < impostors.length ? { status: 200, body: impostors[index] } : undefined;
    const out = make();
    await out.publish(newEvent(1));
    await drained(out);
    expect(server.asked).toHaveLength(impostors.length + 1);
    expect(server.engine.stats().accepted).toBe(1);
  });

  test("of 401 has the token asked for again, at once if the old one was once good", async () => {
    let asks = 0;
    const out = make({ token: async () => `token-${++asks}` });
    server.instead = ({ headers }, index) =>
      index > 0 && headers.authorization === "Bearer token-1" ? { status: 401 } : undefined;
    await out.publish(newEvent(1));
    await drained(out);
    await out.publish(newEvent(2));
    await drained(out);
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer token-1",
      "Bearer token-1",
      "Bearer token-2",
    ]);
  });

  test("of 413 halves the batch; one event alone is a fault", async () => {
    const faults: [unknown, Fault][] = [];
    const out = make({ onFault: (fact, fault) => faults.push([fact, fault]) });
    const isLarge = (lines: readonly string[]): boolean =>
      lines.length > 2 || lines.some((line) => line.includes("large"));
    server.instead = ({ lines }) => (isLarge(lines) ? { status: 413 } : undefined);
    const events = [1, 2, 3, 4, 5, 6, 7].map((n) => newEvent(n, n === 4 ? { size: "large" } : {}));
    await Promise.all(events.map((one) => out.publish(one)));
    await drained(out);
    expect(faults).toEqual([[events[3], expect.objectContaining({ code: "too_large" })]]);
    expect(server.engine.stats().accepted).toBe(6);
    expect(await out.stats()).toMatchObject({ sent: 6, faults: 1 });
  });

  test("tells what is invalid, and takes duplicates", async () => {
    const faults: [unknown, Fault][] = [];
    const out = make({ onFault: (fact, fault) => faults.push([fact, fault]) });
    const bad = { ...newEvent(2), eventTime: "yesterday" };
    await Promise.all([newEvent(1), bad, newEvent(1)].map((one) => out.publish(one)));
    await drained(out);
    const fault = { code: "invalid_time", pointer: "/eventTime", message: expect.any(String) };
    expect(faults).toEqual([[bad, fault]]);
    expect(await out.stats()).toMatchObject({ sent: 2, duplicate: 1, faults: 1 });
    await out.publish(bad);
    await drained(out);
    expect(faults).toHaveLength(2);
  });

  test("of 503 takes what arrived; the rest stays first", async () => {
    server.instead = ({ lines }, index) => {
      if (index > 0) return undefined;
      const none = { duplicate: 0, invalid: [], quarantined: [] };
      const body = { received: lines.length, accepted: 2, ...none, unavailable: [1] };
      return { status: 503, headers: { "Retry-After": "1" }, body };
    };
    const out = make();
    await Promise.all([1, 2, 3].map((number) => out.publish(newEvent(number))));
    await drained(out);
    expect(server.asked[1]!.lines).toEqual([JSON.stringify(newEvent(2))]);
  });

  test("of 503 for more than a batch: those behind are sent, and the first once they can be", async () => {
    const back = keepAway();
    const out = make();
    const away = Array.from({ length: 2100 }, (_, number) => newEvent(number, { to: "away" }));
    const others = Array.from({ length: 1500 }, (_, number) => newEvent(2100 + number));
    await Promise.all([...away, ...others].map((one) => out.publish(one)));
    await expect
      .poll(() => server.engine.stats().accepted, { timeout: 20_000 })
      .toBe(others.length);
    await expect.poll(async () => (await out.stats()).waiting).toBe(away.length);
    back();
    await drained(out);
    expect(server.engine.stats()).toMatchObject({ accepted: 3600, duplicate: 0 });
  });

  test("of 503 for most of each batch: those behind come in whole batches, too", async () => {
    const back = keepAway();
    const out = make();
    const away = Array.from({ length: 990 }, (_, number) => newEvent(number, { to: "away" }));
    const others = Array.from({ length: 1500 }, (_, number) => newEvent(990 + number));
    await Promise.all([...away, ...others].map((one) => out.publish(one)));
    await expect
      .poll(() => server.engine.stats().accepted, { timeout: 20_000 })
      .toBe(others.length);
    // Ten of them fit beside those that wait: that would be 150 requests.
    expect(server.asked.length).toBeLessThan(10);
    back();
    await drained(out);
    expect(server.engine.stats()).toMatchObject({ accepted: 2490, duplicate: 0 });
  });

  test("of 503 for a few: nothing overtakes them", async () => {
    // Taken are only both at once.
    server.instead = ({ lines }) => {
      if (lines.length === 2) return undefined;
      const none = { accepted: 0, duplicate: 0, invalid: [], quarantined: [] };
      return { status: 503, body: { received: lines.length, ...none, unavailable: [0] } };
    };
    const out = make();
    await out.publish(newEvent(1));
    await expect.poll(() => server.asked.length).toBeGreaterThan(0);
    await out.publish(newEvent(2));
    await drained(out);
    for (const { lines } of server.asked) expect(lines[0]).toBe(JSON.stringify(newEvent(1)));
  });
});

describe("A publisher", () => {
  test("that is closed abandons its request, and the next over its store sends", async () => {
    const store = memory();
    server.instead = (_, index) => (index === 0 ? new Promise(() => {}) : undefined);
    const first = make({ store });
    await first.publish(newEvent(1));
    await expect.poll(() => server.asked.length).toBe(1);
    await first.close();
    await first.close();
    await expect(first.publish(newEvent(2))).rejects.toMatchObject({ code: "publisher_closed" });
    expect(store.count()).toBe(1);
    expect(await store.backOff()).toBeNull();
    await drained(make({ store }));
    expect(server.engine.stats().accepted).toBe(1);
  });

  test("goes on from a file, with the back-off that it had", async () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-publisher-"));
    try {
      const file = join(folder, "outbox.db");
      server.instead = (_, index) =>
        index === 0 ? { status: 429, headers: { "Retry-After": "20" } } : undefined;
      const first = make({ store: sqlite(file) });
      await first.publish(newEvent(1));
      await expect.poll(async () => (await first.stats()).problem).toBe("Got HTTP 429.");
      const { retryAt } = await first.stats();
      await first.close();
      let askedAt = 0;
      const now = quick().now!;
      server.instead = () => void (askedAt = now());
      await drained(make({ store: sqlite(file) }));
      expect(askedAt).toBeGreaterThanOrEqual(retryAt!);
      expect(server.engine.stats().accepted).toBe(1);
    } finally {
      for (const one of made.splice(0)) await one.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test.each([
    ["a bracket", "[", "["],
    ["a newline", "\n", " "],
  ])("tells a fact in which %s came to stand in its file", async (_, damage, left) => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-publisher-"));
    try {
      const file = join(folder, "outbox.db");
      server.instead = () => ({ status: 429, headers: { "Retry-After": "1" } });
      const first = make({ store: sqlite(file) });
      await Promise.all([1, 2].map((number) => first.publish(newEvent(number))));
      await first.close();
      const line = JSON.stringify(newEvent(1));
      const damaged = (by: string): string => line.replace("e-1", by);
      const db = new DatabaseSync(file);
      db.prepare("UPDATE millrace_fact SET line = ? WHERE number = 1").run(damaged(`"${damage}`));
      db.close();
      server.instead = () => undefined;
      const faults: [unknown, Fault][] = [];
      const out = make({
        store: sqlite(file),
        onFault: (fact, fault) => faults.push([fact, fault]),
      });
      await drained(out);
      const fault = expect.objectContaining({ code: "invalid_json" }) as Fault;
      expect(faults).toEqual([[damaged(`"${left}`), fault]]);
      expect(await out.stats()).toMatchObject({ sent: 1, faults: 1 });
    } finally {
      for (const one of made.splice(0)) await one.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("that is closed has kept what was published before", async () => {
    const store = memory();
    const out = make({ store });
    const pending = out.publish(newEvent(1));
    await out.close();
    await pending;
    expect(store.count()).toBe(1);
  });

  test("that is closed does not open its file again to count", async () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-publisher-"));
    try {
      const file = join(folder, "outbox.db");
      const out = make({ store: sqlite(file) });
      await out.publish(newEvent(1));
      await out.close();
      await expect(out.stats()).rejects.toMatchObject({ code: "publisher_closed" });
      const next = make({ store: sqlite(file) });
      await next.publish(newEvent(2));
      await drained(next);
      expect(server.engine.stats().accepted).toBe(2);
    } finally {
      for (const one of made.splice(0)) await one.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("does not hang on a token that never comes", async () => {
    let asks = 0;
    const token = (): Promise<string> =>
      ++asks === 1 ? new Promise(() => {}) : Promise.resolve("good");
    const out = make({ ...quick(true), token });
    await out.publish(newEvent(1));
    await drained(out);
    expect(server.engine.stats().accepted).toBe(1);
    const stuck = make({ token: () => new Promise(() => {}) });
    await stuck.publish(newEvent(2));
    await stuck.close();
  });

  test("cuts batches of 1,000 facts and a million characters", async () => {
    const out = make();
    await Promise.all(Array.from({ length: 1001 }, (_, n) => out.publish(newEvent(n))));
    const noise = Array.from({ length: 200_000 }, () => Math.floor(Math.random() * 10)).join("");
    await Promise.all(
      [2000, 2001, 2002, 2003, 2004, 2005].map((number) => {
        return out.publish(newEvent(number, { noise }));
      }),
    );
    await drained(out);
    const sizes = server.asked.map(({ lines }) => lines.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1000);
    const lengths = server.asked.map(({ lines }) => lines.join("\n").length);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(2 ** 20);
    expect(server.engine.stats()).toMatchObject({ accepted: 1007, duplicate: 0 });
  });
});
