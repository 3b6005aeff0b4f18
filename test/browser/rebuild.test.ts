// Long logs in a page: a query is added to one and the old views answer throughout; another is
// opened again and shows its rows from the snapshot. How long that takes is measured; asserted is
// what is shown.

import type { Page } from "playwright";
import { expect, test } from "vitest";
import { open } from "../../engine/index.ts";
import { FULL, measured } from "../measured.ts";
import { ordersOf, PLAN, QUERY, WIDER_PLAN } from "./sample.ts";
import { Visit } from "./visit.ts";

const REBUILT_EVENTS = FULL ? 1_000_000 : 20_000;
const RELOADED_EVENTS = FULL ? 100_000 : 10_000;
const PUSH_EVENTS = 1_000;
const LIMIT_MS = 300_000;

const visit = Visit.perTest();

/** A log of so many orders, closed; and a fresh page of its origin. */
async function logOf(count: number): Promise<Page> {
  const writer = await visit.tab();
  await writer.evaluate(async (plan) => {
    globalThis.connection = await connect({ plan, name: "log" });
  }, PLAN);
  for (let from = 0; from < count; from += PUSH_EVENTS) {
    await writer.evaluate(
      async (lines) => {
        await connection.push(lines);
      },
      ordersOf(from, PUSH_EVENTS),
    );
  }
  await writer.evaluate(() => connection.close());
  await writer.close();
  return visit.tab();
}

function atRank(values: readonly number[], rank: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Number(sorted[Math.floor(rank * (sorted.length - 1))]!.toFixed(1));
}

test(
  "a query is added to a long log: the old view answers throughout",
  async () => {
    const page = await logOf(REBUILT_EVENTS);
    const { connectMs, rebuildMs, readMs, shares, counts, rows } = await page.evaluate(
      async ({ plan, query }) => {
        const begun = performance.now();
        const log = await connect({ plan, name: "log" });
        const connected = performance.now();
        const readMs: number[] = [];
        const shares: number[] = [];
        const counts = new Set<number>();
        for (;;) {
          const asked = performance.now();
          const { length } = await log.view(query).rows();
          readMs.push(performance.now() - asked);
          counts.add(length);
          const { rebuild } = await log.stats();
          shares.push(rebuild ?? -1);
          if (rebuild === 1) break;
        }
        const rebuildMs = performance.now() - connected;
        const rows = await log.view("all").rows();
        await log.close();
        const connectMs = connected - begun;
        return { connectMs, rebuildMs, readMs, shares, counts: [...counts], rows };
      },
      { plan: WIDER_PLAN, query: QUERY },
    );
    const engine = await open({ plan: WIDER_PLAN });
    for (let from = 0; from < REBUILT_EVENTS; from += PUSH_EVENTS) {
      await engine.push(ordersOf(from, PUSH_EVENTS));
    }
    expect(rows).toEqual(engine.view("all").rows());
    // As many rows at all times as in the end: it never showed a view half built.
    expect(counts).toEqual([engine.view(QUERY).rows().length]);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    if (FULL) expect(shares[0]).toBeLessThan(1);
    const events = `${REBUILT_EVENTS.toLocaleString("en")} events in IndexedDB`;
    measured(`a query added to ${events}: connect`, Math.round(connectMs), "ms");
    measured(`a query added to ${events}: rebuild`, Math.round(rebuildMs), "ms");
    measured(`rows() of the old view meanwhile`, atRank(readMs, 0.99), "ms, p99");
    measured(`rows() of the old view meanwhile, the slowest`, atRank(readMs, 1), "ms");
  },
  LIMIT_MS,
);

test(
  "a page that is loaded again shows its rows from the snapshot",
  async () => {
    const page = await logOf(RELOADED_EVENTS);
    const firstMs: number[] = [];
    const engine = await open({ plan: PLAN });
    for (let from = 0; from < RELOADED_EVENTS; from += PUSH_EVENTS) {
      await engine.push(ordersOf(from, PUSH_EVENTS));
    }
    for (let load = 0; load < 5; load++) {
      const { rows, ms } = await page.evaluate(
        async ({ plan, query }) => {
          const begun = performance.now();
          globalThis.connection = await connect({ plan, name: "log" });
          const rows = await connection.view(query).rows();
          return { rows, ms: performance.now() - begun };
        },
        { plan: PLAN, query: QUERY },
      );
      firstMs.push(ms);
      expect(rows).toEqual(engine.view(QUERY).rows());
      await page.evaluate(() => connection.close());
      await page.reload();
      await page.waitForFunction(() => "connect" in globalThis);
    }
    const events = `${RELOADED_EVENTS.toLocaleString("en")} logged events`;
    measured(
      `reload with ${events}: first rows() after connect()`,
      atRank(firstMs, 0.5),
      "ms, median",
    );
  },
  LIMIT_MS,
);
