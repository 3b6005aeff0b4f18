// A worker that dies ends every call; and connecting again: what a page that lost its worker, or was
// not let in, finds when it calls `connect` once more, and what the first attempt has left behind.

import { beforeEach, describe, expect, test } from "vitest";
import type { Page } from "playwright";
import { crash, hang, PLAIN_PAGE } from "./pages.ts";
import { ordersOf, PLAN, QUERY } from "./sample.ts";
import { Visit } from "./visit.ts";

const visit = Visit.perTest();
let page: Page;

beforeEach(async () => {
  page = await visit.tab();
});

const workerCount = (): number => page.workers().length;

describe("A worker that dies", () => {
  test("fails the calls under way and later ones; a new connection has what was kept", async () => {
    await page.evaluate(
      async ({ plan, query, lines }) => {
        globalThis.faults = [];
        const onFault = (fault: Error): number => faults.push((fault as { code?: string }).code!);
        globalThis.connection = await connect({ plan, name: "dies", onFault });
        connection.subscribe(query, () => {});
        await connection.push(lines);
      },
      { plan: PLAN, query: QUERY, lines: ordersOf(0, 10) },
    );
    // So that it answers nothing before it dies, however busy the page is.
    await hang(page);
    const found = await page.evaluate(
      async ({ plan, more }) => {
        const codeOf = (call: Promise<unknown>): Promise<unknown> =>
          call.then(
            () => "answered",
            (error: { code?: string }) => error.code,
          );
        const pushing = codeOf(connection.push(more));
        killWorkers();
        const asked = performance.now();
        const codes = [await pushing, await codeOf(connection.stats())];
        const tookMs = performance.now() - asked;
        await connection.close();
        const next = await connect({ plan, name: "dies" });
        const { position } = await next.stats();
        return { codes, faults, tookMs, position };
      },
      { plan: PLAN, more: ordersOf(10, 10) },
    );
    expect(found.codes).toEqual(["worker_gone", "worker_gone"]);
    expect(found.faults).toEqual(["worker_gone"]);
    // By the lock that the worker held, long before the deadline of 30 s.
    expect(found.tookMs).toBeLessThan(20_000);
    expect(found.position).toBe(10);
  });

  test("or hangs, fails a call after the deadline", async () => {
    const deadlineMs = 3_000;
    await page.evaluate(
      async ({ plan, deadlineMs }) => {
        globalThis.connection = await connect({ plan, name: "hangs", deadlineMs });
      },
      { plan: PLAN, deadlineMs },
    );
    await hang(page);
    const found = await page.evaluate(async () => {
      const asked = performance.now();
      const code = await connection.stats().then(
        () => "answered",
        (error: { code?: string }) => error.code,
      );
      return { code, tookMs: performance.now() - asked };
    });
    expect(found.code).toBe("worker_gone");
    expect(found.tookMs).toBeGreaterThanOrEqual(deadlineMs - 100);
    await expect.poll(workerCount).toBe(0);
  });
});

describe("A page whose worker is gone", () => {
  test("connects again from within onFault, and has what was kept", async () => {
    const found = await page.evaluate(
      async ({ plan, query, lines }) => {
        const again = Promise.withResolvers<Connection>();
        const onFault = (): void =>
          void connect({ plan, name: "log" }).then(again.resolve, again.reject);
        const first = await connect({ plan, name: "log", onFault });
        first.subscribe(query, () => {});
        await first.push(lines);
        killWorkers();
        return (await (await again.promise).stats()).position;
      },
      { plan: PLAN, query: QUERY, lines: ordersOf(0, 3) },
    );
    expect(found).toBe(3);
  });

  test("connects again after an onFault that threw", async () => {
    const found = await page.evaluate(
      async ({ plan, query, lines }) => {
        const thrown: unknown[] = [];
        globalThis.addEventListener("unhandledrejection", (event) => {
          event.preventDefault();
          thrown.push(event.reason);
        });
        const gone = Promise.withResolvers<void>();
        const onFault = (): never => {
          gone.resolve();
          throw new Error("not shown");
        };
        const first = await connect({ plan, name: "log", onFault });
        first.subscribe(query, () => {});
        await first.push(lines);
        killWorkers();
        await gone.promise;
        const { position } = await (await connect({ plan, name: "log" })).stats();
        return { position, thrown: thrown.map(String) };
      },
      { plan: PLAN, query: QUERY, lines: ordersOf(0, 3) },
    );
    expect(found).toEqual({ position: 3, thrown: ["Error: not shown"] });
  });
});

test("a subscription that ends as an earlier one did is told so, too", async () => {
  const faults = await page.evaluate(
    async ({ plan, query, lines }) => {
      const codes: unknown[] = [];
      const onFault = (fault: Error): unknown => codes.push((fault as { code?: string }).code);
      const connection = await connect({ plan, name: "log", onFault });
      await connection.push(lines);
      killWorkers();
      while (codes.length === 0) {
        connection.subscribe(query, () => {});
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const before = codes.length;
      connection.subscribe(query, () => {});
      return { before, after: codes };
    },
    { plan: PLAN, query: QUERY, lines: ordersOf(0, 3) },
  );
  expect(faults).toEqual({ before: 1, after: ["worker_gone", "worker_gone"] });
});

test("a page without a worker that was not let in waits for no lock", async () => {
  const headers = { "content-security-policy": "worker-src 'none'" };
  visit.site.answers.set("/main.html", { body: PLAIN_PAGE, headers });
  await page.evaluate(async (plan) => {
    globalThis.connection = await connect({ plan, name: "log" });
  }, PLAN);
  await hang(page);
  const other = await visit.tab("/main.html");
  const code = await other.evaluate(
    (plan) =>
      connect({ plan, name: "log", deadlineMs: 2_000 }).then(
        () => "connected",
        (error: { code?: string }) => error.code,
      ),
    PLAN,
  );
  expect(code).toBe("worker_gone");
  const locks = (): Promise<(string | undefined)[]> =>
    other.evaluate(async () => {
      const { held = [], pending = [] } = await navigator.locks.query();
      return [...held, ...pending]
        .map(({ name }) => name)
        .filter((name) => name === "millrace:log");
    });
  await crash(page);
  await expect.poll(locks).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await locks()).toEqual([]);
});
