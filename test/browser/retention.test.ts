// Retention through `connect`, in a real Chromium: the worker sends each old chunk to the page, whose
// archive it awaits before it trims. What was archived and what IndexedDB keeps is one chain.

import type { Page } from "playwright";
import { expect, test } from "vitest";
import type { Retention } from "../../engine/browser/index.ts";
import { verifyChunks } from "../../engine/index.ts";
import { order, PLAN as ORDERS, QUERY, START } from "./sample.ts";
import { Visit } from "./visit.ts";

const PLAN = { ...ORDERS, clock: { dedup: "1d", idle: "never" } };
const HOURS = 150;
const DAYS = 2;
const DEADLINE_MS = 30_000;
/** A page must be able to keep silent for longer. */
const SHORT_DEADLINE_MS = 3_000;

interface Archived {
  readonly position: number;
  readonly endPosition: number;
  readonly bytes: number[];
}

declare global {
  /** What this page's archive was given. */
  var archived: Archived[];
  /** What its archive does with a chunk. */
  var archiving: "takes" | "fails" | "waits";
}

const visit = Visit.perTest();

/** A tab connected to the log, whose archive notes what it is given. */
async function tab(
  storage: "indexeddb" | "memory" = "indexeddb",
  deadlineMs = DEADLINE_MS,
): Promise<Page> {
  const page = await visit.tab();
  await page.evaluate(
    async ({ plan, storage, days, deadlineMs }) => {
      globalThis.archived = [];
      globalThis.archiving = "takes";
      const archive = async (chunk: {
        position: number;
        endPosition: number;
        bytes: Uint8Array;
      }) => {
        if (archiving === "fails") throw new Error("no bucket");
        archived.push({ ...chunk, bytes: [...chunk.bytes] });
        while (archiving === "waits") await new Promise((next) => setTimeout(next, 20));
      };
      const retention = { days, archive };
      const options = { plan, name: "kept", storage, deadlineMs, retention };
      globalThis.connection = await connect(options);
    },
    { plan: PLAN, storage, days: DAYS, deadlineMs },
  );
  return page;
}

/** One push an hour of event time. */
async function push(page: Page, from: number, to: number): Promise<void> {
  const hours = Array.from({ length: to - from }, (_, index) => from + index);
  const events = hours.map((hour) => {
    return { ...order(hour), eventTime: new Date(START + hour * 3_600_000).toISOString() };
  });
  await page.evaluate(async (lines) => {
    for (const [index, line] of lines.entries()) {
      await connection.push(line);
      if (index % 12 === 0) await connection.snapshot();
    }
  }, events);
}

const stats = (page: Page) => page.evaluate(() => connection.stats());
const trimmed = async (page: Page): Promise<number> => (await stats(page)).trimmedTo;

/**
 * Waits until all was trimmed that `hours` pushes leave behind, which is where it ends: each of
 * them stands at the hour of its position. A snapshot has the engine look whether there is more.
 */
async function trimmedInFull(page: Page, hours: number): Promise<number> {
  const looked = async (): Promise<number> => {
    await page.evaluate(() => connection.snapshot());
    return trimmed(page);
  };
  const end = hours - 1 - DAYS * 24;
  await expect.poll(looked).toBe(end);
  return end;
}

const faultOf = async (page: Page): Promise<string | null> => (await stats(page)).trimFault;
const given = (page: Page): Promise<Archived[]> => page.evaluate(() => archived);
const archiveIs = (page: Page, how: typeof archiving): Promise<void> =>
  page.evaluate((now) => void (globalThis.archiving = now), how);

/** The chunks that the browser keeps, by IndexedDB itself. */
function kept(page: Page): Promise<number[][]> {
  return page.evaluate(async () => {
    const done = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve) => request.addEventListener("success", () => resolve(request.result)));
    const db = await done(indexedDB.open("millrace:kept"));
    const all = await done(db.transaction("chunks").objectStore("chunks").getAll());
    db.close();
    return all.map((chunk: ArrayBuffer) => [...new Uint8Array(chunk)]);
  });
}

/** Of what came more than once, the last. */
function bytesOf(chunks: readonly Archived[], below: number): Uint8Array[] {
  const byPosition = new Map(chunks.map(({ position, bytes }) => [position, bytes]));
  const sorted = [...byPosition].toSorted(([a], [b]) => a - b);
  return sorted.filter(([position]) => position < below).map(([, bytes]) => Uint8Array.from(bytes));
}

test("archives on the page and trims: one unbroken chain, and the rest verifies", async () => {
  const page = await tab();
  await push(page, 0, HOURS);
  const trimmedTo = await trimmedInFull(page, HOURS);
  const { trimFault, position, mode } = await stats(page);
  expect({ trimFault, position, mode }).toEqual({
    trimFault: null,
    position: HOURS,
    mode: "worker",
  });
  const archived = await given(page);
  expect(archived.slice(0, trimmedTo).map((chunk) => chunk.position)).toEqual(
    Array.from({ length: trimmedTo }, (_, index) => index),
  );
  const rest = await kept(page);
  expect(rest).toHaveLength(HOURS - trimmedTo);
  const all = [...bytesOf(archived, trimmedTo), ...rest.map((chunk) => Uint8Array.from(chunk))];
  expect(all).toHaveLength(HOURS);
  expect(await verifyChunks(all)).toEqual({ ok: true });
  expect(await verifyChunks(all.toSpliced(3, 1))).toMatchObject({ ok: false });
  expect(await page.evaluate(() => connection.verify())).toEqual({ ok: true });
  const log = await page.evaluate(() => Array.fromAsync(connection.log()));
  expect(log).toHaveLength(HOURS - trimmedTo);
  expect(log[0]).toMatch(`{"chunk":{"position":${trimmedTo},`);
});

test("a subscription from behind the trim hears that it has ended, in every tab", async () => {
  const leader = await tab();
  const follower = await tab();
  await push(leader, 0, HOURS);
  await trimmedInFull(leader, HOURS);
  for (const page of [leader, follower]) {
    const told = page.evaluate(
      async ({ plan, query }) => {
        const { promise, resolve } = Promise.withResolvers<string | undefined>();
        const onFault = (fault: Error): void => resolve((fault as { code?: string }).code);
        const own = await connect({ plan, name: "kept", onFault });
        own.subscribe(query, () => resolve("changes"), { from: 0 });
        return promise;
      },
      { plan: PLAN, query: PLAN.queries[0]!.name },
    );
    expect(await told).toBe("log_trimmed");
  }
});

test("in memory, too, what is archived is a copy", async () => {
  const page = await tab("memory");
  await archiveIs(page, "waits");
  await push(page, 0, HOURS);
  await expect.poll(async () => (await given(page)).length).toBe(1);
  expect(await page.evaluate(() => connection.verify())).toEqual({ ok: true });
  expect(await page.evaluate(async () => (await Array.fromAsync(connection.log())).length)).toBe(
    HOURS,
  );
});

test("trims nothing while the archive fails, and says why", async () => {
  const page = await tab();
  await archiveIs(page, "fails");
  await push(page, 0, HOURS);
  await expect.poll(() => faultOf(page)).toBe("no bucket");
  expect(await trimmed(page)).toBe(0);
  await archiveIs(page, "takes");
  await push(page, HOURS, HOURS + 1);
  await trimmedInFull(page, HOURS + 1);
  expect(await faultOf(page)).toBeNull();
});

test("waits for an archive that is slow, and not for a page that is silent", async () => {
  const page = await tab("indexeddb", SHORT_DEADLINE_MS);
  await archiveIs(page, "waits");
  await push(page, 0, HOURS);
  await expect.poll(async () => (await given(page)).length).toBe(1);
  // The page answers all the while: longer than the deadline.
  await new Promise((resolve) => setTimeout(resolve, 1.5 * SHORT_DEADLINE_MS));
  expect(await stats(page)).toMatchObject({ trimmedTo: 0, trimFault: null });
  // Now it does not.
  await page.evaluate((silentMs) => {
    const end = performance.now() + silentMs;
    while (performance.now() < end);
  }, 2 * SHORT_DEADLINE_MS);
  await expect.poll(() => faultOf(page)).toContain("does not answer");
  expect(await trimmed(page)).toBe(0);
  await archiveIs(page, "takes");
  await push(page, HOURS, HOURS + 1);
  await trimmedInFull(page, HOURS + 1);
});

test("the tab that leads archives; when it is gone in the middle, the next one begins anew", async () => {
  const first = await tab();
  const second = await tab();
  await archiveIs(first, "waits");
  await push(second, 0, HOURS);
  await expect.poll(async () => (await given(first)).length).toBe(1);
  expect(await given(second)).toEqual([]);
  await first.close();
  await push(second, HOURS, HOURS + 1);
  const trimmedTo = await trimmedInFull(second, HOURS + 1);
  const rest = (await kept(second)).map((chunk) => Uint8Array.from(chunk));
  const all = [...bytesOf(await given(second), trimmedTo), ...rest];
  expect(all).toHaveLength(HOURS + 1);
  expect(await verifyChunks(all)).toEqual({ ok: true });
});

test("retention is a number of days above 0", async () => {
  const page = await tab();
  const told = await page.evaluate(async (plan) => {
    try {
      await connect({ plan, name: "none", retention: { days: 0 } });
    } catch (error) {
      return [error instanceof RangeError, String(error)];
    }
    return null;
  }, PLAN);
  expect(told).toEqual([true, "RangeError: Retention is a number of days above 0."]);
});

test("of several connections the first says: another retention is refused, none is not", async () => {
  const page = await visit.tab();
  const told = await page.evaluate(async (plan) => {
    const asked: string[] = [];
    const open: Connection[] = [];
    const ask = async (name: string, retention?: Retention): Promise<void> => {
      try {
        open.push(await connect({ plan, name, ...(retention && { retention }) }));
        asked.push("connected");
      } catch (error) {
        asked.push((error as { code?: string }).code!);
      }
    };
    const archive = (): void => {};
    await ask("said", { days: 2, archive });
    await ask("said", { days: 2, archive });
    await ask("said");
    await ask("said", { days: 3, archive });
    await ask("said", { days: 2, archive: () => {} });
    await ask("said", { days: 2 });
    await ask("unsaid");
    await ask("unsaid", { days: 2 });
    for (const connection of open) await connection.close();
    await ask("unsaid", { days: 2 });
    return asked;
  }, PLAN);
  const [conflict, connected] = ["retention_conflict", "connected"];
  expect(told.slice(0, 6)).toEqual([connected, connected, connected, conflict, conflict, conflict]);
  expect(told.slice(6)).toEqual([connected, conflict, connected]);
});

test("a tab told all from a position on goes on with the next leader of a trimmed log", async () => {
  const leader = await tab();
  await push(leader, 0, HOURS);
  await trimmedInFull(leader, HOURS);
  const follower = await tab();
  await follower.evaluate(
    async ({ plan, query, from }) => {
      Object.assign(globalThis, { told: [], faults: [] });
      const onFault = (fault: Error): number => faults.push((fault as { code?: string }).code!);
      globalThis.connection = await connect({ plan, name: "kept", onFault });
      connection.subscribe(query, (changes) => told.push(...changes), { from });
    },
    { plan: PLAN, query: QUERY, from: HOURS - 1 },
  );
  const heard = (): Promise<unknown> =>
    follower.evaluate(() => ({ faults, places: told.map(({ position }) => position) }));
  // It has begun: one that has not may come too late for what is kept.
  const begun = [HOURS - 1, HOURS - 1];
  await expect.poll(heard).toEqual({ faults: [], places: begun });
  const timeOf = (hour: number): string => new Date(START + hour * 3_600_000).toISOString();
  const quiet = { ...order(HOURS), eventType: "order.seen", eventTime: timeOf(HOURS - 1) };
  await leader.evaluate(async (event) => {
    await connection.push(event);
    await connection.snapshot();
    await connection.push({ ...event, eventId: "e-quiet" });
    await connection.close();
  }, quiet);
  expect((await stats(follower)).mode).toBe("worker");
  const next = { ...order(HOURS + 1), eventTime: timeOf(HOURS) };
  await follower.evaluate((event) => connection.push(event), next);
  // What closed an hour before, what came; and the same of the last push.
  const places = [...begun, HOURS + 2, HOURS + 2];
  await expect.poll(heard).toEqual({ faults: [], places });
});
