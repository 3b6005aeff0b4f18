// `connect` in one page of a real Chromium, from the files for pages without a bundler: the verbs of
// an engine, kept over a reload; one worker however often it is called; and an end to every call.

import { readFile } from "node:fs/promises";
import type { Page } from "playwright";
import { beforeEach, describe, expect, test } from "vitest";
import type { Change } from "../../engine/index.ts";
import { HASH_KEY, engineOf } from "../builders.ts";
import { order, ordersOf, PLAN, QUERY, START, WIDER_PLAN } from "./sample.ts";
import { Visit } from "./visit.ts";

const visit = Visit.perTest();
let page: Page;

beforeEach(async () => {
  page = await visit.tab();
});

const workerCount = (): number => page.workers().length;

describe("A connection", () => {
  test("has the verbs of an engine, and the same rows", async () => {
    const engine = await engineOf(PLAN, [ordersOf(0, 700)], { hashKey: HASH_KEY });
    const told: Change[] = [];
    engine.subscribe(QUERY, (changes) => told.push(...changes));
    await engine.push([order(700), order(3), { eventId: "bad" }]);
    const found = await page.evaluate(
      async ({ plan, query, lines, more }) => {
        const connection = await connect({ plan, name: "verbs" });
        await connection.push(lines);
        const changes: unknown[] = [];
        connection.subscribe(query, (some) => changes.push(...some));
        const receipt = await connection.push(more);
        const { mode, storage, position } = await connection.stats();
        const log: string[] = [];
        for await (const text of connection.log()) log.push(text);
        return {
          receipt,
          changes,
          rows: await connection.view(query).rows(),
          some: await connection.view(query).rows({ key: { restaurantId: "REST-1" } }),
          refused: (await connection.refused()).map(({ code }) => code),
          late: await connection.late(query),
          held: await connection.quarantine(),
          log: log.join(""),
          stats: { mode, storage, position },
          hash: (await connection.stateHash()).length,
          verified: await connection.verify(),
        };
      },
      {
        plan: PLAN,
        query: QUERY,
        lines: ordersOf(0, 700),
        more: [order(700), order(3), { eventId: "bad" }],
      },
    );
    expect(found.rows).toEqual(engine.view(QUERY).rows());
    expect(found.rows.length).toBe(9);
    expect(found.some).toEqual(engine.view(QUERY).rows({ key: { restaurantId: "REST-1" } }));
    expect(found.changes).toEqual(told);
    expect(told.length).toBe(1);
    expect(found.receipt).toMatchObject({ received: 3, accepted: 1, duplicate: 1, position: 701 });
    expect(found.receipt.invalid.length).toBe(1);
    expect(found.refused).toEqual(["duplicate", "missing_field"]);
    expect(found).toMatchObject({ late: [], held: [], hash: 64, verified: { ok: true } });
    let log = "";
    for await (const text of engine.log()) log += text;
    expect(found.log).toBe(log);
    expect(found.stats).toEqual({ mode: "worker", storage: "best-effort", position: 701 });
    expect(workerCount()).toBe(1);
  });

  test("has the rows of a view that is followed anew at once, as by another filter", async () => {
    const found = await page.evaluate(
      async ({ plan, query, lines }) => {
        const connection = await connect({ plan, name: "followed" });
        await connection.push(lines);
        const told: number[] = [];
        const follow = (): (() => void) => {
          return connection.onRows(query, ({ upserts }) => told.push(upserts.length));
        };
        const count = (): number => connection.rows(query).length;
        const first = follow();
        while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        const counts = [count()];
        first();
        const second = follow();
        counts.push(count());
        await connection.stats();
        counts.push(count());
        second();
        await connection.stats();
        counts.push(count());
        return { counts, told };
      },
      { plan: PLAN, query: QUERY, lines: ordersOf(0, 700) },
    );
    expect(found).toEqual({ counts: [9, 9, 9, 0], told: [9] });
  });

  test("rejects bytes that were given away before, as it does what cannot be read", async () => {
    const found = await page.evaluate(
      async ({ plan, lines }) => {
        const connection = await connect({ plan, name: "log" });
        const bytes = new TextEncoder().encode(lines);
        await connection.push(bytes, { transfer: true });
        const again = [connection.push(bytes), connection.push(bytes, { transfer: true })];
        const settled = await Promise.allSettled(again);
        const { position } = await connection.stats();
        return { outcomes: settled.map(({ status }) => status), position };
      },
      { plan: PLAN, lines: ordersOf(0, 3) },
    );
    expect(found).toEqual({ outcomes: ["rejected", "rejected"], position: 3 });
  });

  test("is refused without a name", async () => {
    const told = await page.evaluate(async (plan) => {
      const options = { plan } as unknown as Parameters<typeof connect>[0];
      return await connect(options).then(
        () => "connected",
        (error: Error) => error.message,
      );
    }, PLAN);
    expect(told).toContain("A log has a name");
    expect(workerCount()).toBe(0);
  });

  test("keeps what it acknowledged when the page is loaded again", async () => {
    const before = await page.evaluate(
      async ({ plan, query, lines }) => {
        const connection = await connect({ plan, name: "kept" });
        const receipt = await connection.push(lines);
        return { receipt, rows: await connection.view(query).rows() };
      },
      { plan: PLAN, query: QUERY, lines: ordersOf(0, 500) },
    );
    expect(before.receipt.position).toBe(500);
    await page.reload();
    await page.waitForFunction(() => "connect" in globalThis);
    const after = await page.evaluate(
      async ({ plan, query, lines }) => {
        const connection = await connect({ plan, name: "kept" });
        const rows = await connection.view(query).rows();
        return { rows, again: await connection.push(lines) };
      },
      { plan: PLAN, query: QUERY, lines: ordersOf(0, 501) },
    );
    expect(after.rows).toEqual(before.rows);
    expect(after.again).toMatchObject({ accepted: 1, duplicate: 500, position: 501 });
  });

  test("tells a subscription the rows there are, and what was told since a position", async () => {
    const { snapshot, since, toldAt } = await page.evaluate(
      async ({ plan, query, first, second, third }) => {
        const connection = await connect({ plan, name: "told" });
        await connection.push(first);
        await connection.push(second);
        const told = { snapshot: [] as Change[], since: [] as Change[] };
        connection.subscribe(query, (some) => told.snapshot.push(...some), { from: "snapshot" });
        const toldAt: (number | string)[] = [];
        const caughtUp = Promise.withResolvers<void>();
        const hear = (some: readonly Change[]): void => {
          toldAt.push(...some.map(({ position }) => position));
          told.since.push(...some);
        };
        const onCaughtUp = (): void => {
          toldAt.push("caught up");
          caughtUp.resolve();
        };
        connection.subscribe(query, hear, { from: 9, onCaughtUp });
        await caughtUp.promise;
        // From now on, or of a view, there is nothing to catch up with.
        for (const from of ["now", "snapshot"] as const) {
          connection.subscribe(query, () => {}, { from, onCaughtUp });
        }
        await connection.push(third);
        while (toldAt.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
        return { ...told, since: told.since.slice(0, 1), toldAt };
      },
      {
        ...{ plan: PLAN, query: QUERY, first: ordersOf(0, 9) },
        ...{ second: ordersOf(9, 1), third: ordersOf(10, 1) },
      },
    );
    expect(snapshot.slice(0, 3).map(({ value }) => value["orders"])).toEqual([4, 3, 3]);
    expect(since).toEqual([snapshot[0]]);
    expect(toldAt).toEqual([9, "caught up", 10]);
  });

  test("takes text, bytes, objects and an array apart as an engine does", async () => {
    const inputs = [`[${JSON.stringify(order(1))}]`, [[order(2)]], [NaN], order(3)] as const;
    const engine = await engineOf(PLAN);
    const receipts = [];
    for (const input of inputs) receipts.push(await engine.push(input as object));
    const bytes = new TextEncoder().encode(ordersOf(4, 2));
    receipts.push(await engine.push(bytes));
    const found = await page.evaluate(
      async ({ plan, lines, one, two, three }) => {
        const connection = await connect({ plan, name: "inputs" });
        const receipts = [];
        for (const input of [`[${JSON.stringify(one)}]`, [[two]], [NaN], three]) {
          receipts.push(await connection.push(input as object));
        }
        const bytes = new TextEncoder().encode(lines);
        const given = new Uint8Array(bytes);
        receipts.push(await connection.push(bytes));
        const again = await connection.push(given, { transfer: true });
        return { receipts, again, lengths: [bytes.length, given.length] };
      },
      { plan: PLAN, lines: ordersOf(4, 2), one: order(1), two: order(2), three: order(3) },
    );
    expect(found.receipts).toEqual(receipts);
    expect(found.again.duplicate).toBe(2);
    expect(found.lengths).toEqual([bytes.length, 0]);
  });

  test("takes bytes of another frame, and a deadline without an end", async () => {
    const received = await page.evaluate(
      async ({ plan, lines }) => {
        const connection = await connect({ plan, name: "patient", deadlineMs: Infinity });
        const frame = document.body.appendChild(document.createElement("iframe"));
        const { Uint8Array: Theirs } = frame.contentWindow as unknown as typeof globalThis;
        const bytes = Theirs.from(new TextEncoder().encode(lines));
        return (await connection.push(bytes)).accepted;
      },
      { plan: PLAN, lines: ordersOf(0, 3) },
    );
    expect(received).toBe(3);
  });

  test("tells faults as values: a wrong plan, an unknown query, a conflict, a log shut", async () => {
    const found = await page.evaluate(
      async ({ plan, wider }) => {
        const told = async (work: () => unknown): Promise<unknown> => {
          try {
            await work();
            return null;
          } catch (error) {
            const { name, code, faults } = error as Error & { code?: string; faults?: unknown[] };
            return { name, code, faults: faults?.length };
          }
        };
        const refused = await told(() => connect({ plan: { version: 2 }, name: "faults" }));
        const connection = await connect({ plan, name: "faults" });
        const range = { from: 2, to: 1 };
        const window = { start: 0.5, end: 1 };
        const [{ name: query }] = plan.queries as unknown as [{ name: string }];
        const asked: unknown[] = [];
        for (const work of [
          () => connection.view("none"),
          () => connection.rows("none"),
          () => connection.onRows("none", () => {}),
          () => connection.subscribe("none", () => {}),
          () => connection.late("none"),
          () => connection.explain("none", {}, { start: 0, end: 1 }),
          () => connection.reprocess("none", { from: 0, to: 1 }),
          () => connection.reprocess(query, range),
          () => connection.view(query).rows({ from: NaN }),
          () => connection.verify({ to: NaN }),
          () => connection.subscribe(query, () => {}, { from: -1 }),
          () => connection.view(query).rows({ key: { restaurantID: "R" } }),
          () => connection.rows(query, { key: { restaurantID: "R" } }),
          () => connection.explain(query, {}, { start: 0, end: 1 }),
          () => connection.explain(query, { restaurantId: "R" }, window),
          () => connection.tick(0.5),
          () => connection.push("", { receivedAt: 0.5 }),
        ]) {
          asked.push(((await told(work)) as { code?: string } | null)?.code);
        }
        // What promises rejects, and throws nothing.
        const isPromised = connection.late("none").catch(() => true);
        const conflict = await told(() => connect({ plan: wider, name: "faults" }));
        const release = await told(() => connection.release(["none"]));
        await connection.close();
        const closed = await told(() => connection.stats());
        return { refused, asked, isPromised: await isPromised, conflict, release, closed };
      },
      { plan: PLAN, wider: WIDER_PLAN },
    );
    expect(found.refused).toEqual({ name: "PlanRefused", code: "plan_refused", faults: 2 });
    expect(found.asked).toEqual([
      ...Array.from({ length: 7 }, () => "unknown_query"),
      ...Array.from({ length: 4 }, () => "bad_range"),
      ...["bad_key", "bad_key", "bad_key", "bad_window", "bad_time", "bad_time"],
    ]);
    expect(found.isPromised).toBe(true);
    expect(found.conflict).toMatchObject({ name: "HostFault", code: "plan_conflict" });
    expect(found.release).toMatchObject({ name: "HostFault", code: "unknown_id" });
    expect(found.closed).toMatchObject({ name: "HostFault", code: "engine_closed" });
  });

  test("explains a number, and reprocesses what came late", async () => {
    const late = { ...order(2000), eventTime: new Date(START).toISOString() };
    const engine = await engineOf(PLAN, [ordersOf(0, 1000), late]);
    const range = { from: START, to: START + 1 };
    const corrections = await engine.reprocess(QUERY, range);
    expect(corrections.map(({ kind }) => kind)).toEqual(["correction"]);
    const { key, window } = corrections[0]!;
    const found = await page.evaluate(
      async ({ plan, query, lines, late, range, key, window }) => {
        const connection = await connect({ plan, name: "reprocessed" });
        await connection.push(lines);
        await connection.push(late);
        const told: Change[] = [];
        connection.subscribe(query, (some) => told.push(...some));
        const corrections = await connection.reprocess(query, range);
        return { corrections, told, explained: await connection.explain(query, key, window) };
      },
      { plan: PLAN, query: QUERY, lines: ordersOf(0, 1000), late, range, key, window },
    );
    expect(found.corrections).toEqual(corrections);
    expect(found.told).toEqual(corrections);
    expect(found.explained).toEqual(await engine.explain(QUERY, key, window));
  });

  test("in memory keeps nothing and takes no lock", async () => {
    const found = await page.evaluate(
      async ({ plan, lines }) => {
        const connection = await connect({ plan, name: "brief", storage: "memory" });
        await connection.push(lines);
        const { storage, position } = await connection.stats();
        const { held } = await navigator.locks.query();
        return {
          storage,
          position,
          locks: held!.filter(({ name }) => name === "millrace:brief").length,
          databases: await indexedDB.databases(),
        };
      },
      { plan: PLAN, lines: ordersOf(0, 5) },
    );
    expect(found).toEqual({ storage: "memory", position: 5, locks: 0, databases: [] });
  });

  test("in memory is another log than the one of that name that is kept", async () => {
    const connected = async (): Promise<object> =>
      page.evaluate(
        async ({ plan, lines }) => {
          const passing = await connect({ plan, name: "both", storage: "memory" });
          const kept = await connect({ plan, name: "both" });
          const { accepted } = await kept.push(lines);
          const positions = [(await passing.stats()).position, (await kept.stats()).position];
          const modes = [(await passing.stats()).storage, (await kept.stats()).storage];
          await passing.close();
          return { accepted, positions, modes };
        },
        { plan: PLAN, lines: ordersOf(0, 10) },
      );
    const modes = ["memory", "best-effort"];
    expect(await connected()).toEqual({ accepted: 10, positions: [0, 10], modes });
    await page.reload();
    await page.waitForFunction(() => "connect" in globalThis);
    expect(await connected()).toEqual({ accepted: 0, positions: [0, 10], modes });
  });

  test("lets time pass in silence, by wall time, unless told not to", async () => {
    const found = await page.evaluate(
      async ({ plan, query }) => {
        const now = Date.now();
        const event = {
          eventId: "now",
          eventType: "order.created",
          eventVersion: "1.0",
          eventTime: new Date(now).toISOString(),
          correlationId: "c",
          data: { restaurantId: "R", orderTotal: 1 },
        };
        const begin = async (name: string, idleTicks: boolean): Promise<() => Promise<boolean>> => {
          const connection = await connect({ plan, name, idleTicks });
          await connection.push(event, { receivedAt: now });
          return async () => (await connection.view(query).rows())[0]!.final;
        };
        const isLeftFinal = await begin("silent", false);
        const isTickedFinal = await begin("ticked", true);
        while (!(await isTickedFinal())) await new Promise((next) => setTimeout(next, 50));
        return { ticked: await isTickedFinal(), left: await isLeftFinal() };
      },
      {
        query: QUERY,
        plan: {
          ...PLAN,
          clock: { idle: "100ms" },
          queries: [
            { ...PLAN.queries[0], window: { kind: "tumbling", size: "100ms", grace: "0s" } },
          ],
        },
      },
    );
    expect(found).toEqual({ ticked: true, left: false });
  });
});

describe("A page", () => {
  test("that is hidden has its state saved, once for each position", async () => {
    const positions = await page.evaluate(
      async ({ plan, lines }) => {
        const connection = await connect({ plan, name: "hidden" });
        await connection.push(lines);
        const opening = indexedDB.open("millrace:hidden");
        const db = await new Promise<IDBDatabase>((resolve) => {
          opening.addEventListener("success", () => resolve(opening.result));
        });
        const saved = async (): Promise<IDBValidKey[]> => {
          const asking = db.transaction("snapshots").objectStore("snapshots").getAllKeys();
          return new Promise((resolve) => {
            asking.addEventListener("success", () => resolve(asking.result));
          });
        };
        const before = await saved();
        dispatchEvent(new Event("pagehide"));
        while ((await saved()).length < 2) await new Promise((next) => setTimeout(next, 10));
        return { before, after: await saved() };
      },
      { plan: PLAN, lines: ordersOf(0, 10) },
    );
    // The first says which plan it is.
    expect(positions).toEqual({ before: [0], after: [0, 10] });
  });

  test("of fifteen lines counts, and goes on counting when it is loaded again", async () => {
    const text = await readFile(new URL("../../demo/embed/index.html", import.meta.url), "utf8");
    expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
    const counted = (): Promise<number> =>
      page.evaluate(() => Number(document.querySelector("output")!.value));
    await page.goto(`${visit.site.url}/demo/embed/index.html`);
    // A minute may end in the middle of this, so a count may begin anew, but not at nothing.
    await expect.poll(async () => (await page.click("button"), counted())).toBeGreaterThan(0);
    await page.reload();
    await expect.poll(counted).toBeGreaterThan(0);
  });
});

describe("Twice connected with one name", () => {
  test("while the first is closing, waits for it", async () => {
    const position = await page.evaluate(
      async ({ plan, lines }) => {
        const first = await connect({ plan, name: "again" });
        const pushing = first.push(lines);
        const closing = first.close();
        const second = await connect({ plan, name: "again" });
        await Promise.all([pushing, closing]);
        return (await second.stats()).position;
      },
      { plan: PLAN, lines: ordersOf(0, 10) },
    );
    expect(position).toBe(10);
  });

  test("is one worker, and the last close frees it and its lock", async () => {
    const found = await page.evaluate(
      async ({ plan, lines }) => {
        const locks = async (): Promise<number> => {
          const { held } = await navigator.locks.query();
          return held!.filter(({ name }) => name!.startsWith("millrace")).length;
        };
        const [one, two] = await Promise.all([
          connect({ plan, name: "twice" }),
          connect({ plan, name: "twice" }),
        ]);
        await one.push(lines);
        const held = await locks();
        const pushing = one.push(lines);
        await one.close();
        const receipt = await pushing;
        const { position } = await two.stats();
        await two.close();
        await two.close();
        // The one of the worker that lived is free when it has ended.
        while ((await locks()) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
        return { held, position, duplicate: receipt.duplicate };
      },
      { plan: PLAN, lines: ordersOf(0, 10) },
    );
    // One lock for the log, one that says that the worker lives.
    expect(found).toEqual({ held: 2, position: 10, duplicate: 10 });
    await expect.poll(workerCount).toBe(0);
    const again = await page.evaluate(
      async ({ plan }) => (await (await connect({ plan, name: "twice" })).stats()).position,
      { plan: PLAN },
    );
    expect(again).toBe(10);
    expect(workerCount()).toBe(1);
  });
});
