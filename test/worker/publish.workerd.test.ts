// The publisher against the real Worker: what it keeps goes in batches, is refused or taken, and
// the rows say so.

import { exports } from "cloudflare:workers";
import { expect, test } from "vitest";
import { publisher, type Publisher } from "../../engine/publish/publisher.ts";
import { EVENTS_URL, get, order, rowsPath } from "./sample.ts";

const worker = (exports as unknown as { default: Fetcher }).default;

async function drained(out: Publisher): Promise<void> {
  const waiting = async (): Promise<number> => (await out.stats()).waiting;
  await expect.poll(waiting, { timeout: 20_000 }).toBe(0);
}

test("a publisher posts to the Worker, and believes its receipts", async () => {
  const faults: [unknown, string][] = [];
  const statuses: number[] = [];
  const out = publisher({
    url: EVENTS_URL,
    fetch: async (url, init) => {
      const response = await worker.fetch(url, init as RequestInit<never>);
      statuses.push(response.status);
      return response as unknown as Awaited<ReturnType<typeof globalThis.fetch>>;
    },
    onFault: (fact, { code, pointer }) => faults.push([fact, `${code} ${pointer}`]),
  });
  const [a, b] = ["PUBLISH-A", "PUBLISH-B"];
  const unroutable = { ...order(a, 8), data: {} };
  const sent = [order(a, 1), order(b, 1), order(a, 2), unroutable, order(a, 1), order(b, 2)];
  await Promise.all(sent.map((event) => out.publish(event)));
  await drained(out);
  expect(await out.stats()).toMatchObject({ sent: 5, duplicate: 1, faults: 1, problem: null });
  expect(faults).toEqual([[unroutable, "unroutable /data/restaurantId"]]);
  for (const id of [a, b]) {
    expect((await get(worker, rowsPath(id))).body).toMatchObject({
      rows: [{ value: { orders: 2 } }],
    });
  }
  // All of a batch refused is a receipt too, though a problem.
  await out.publish({ ...unroutable, eventId: "another" });
  await drained(out);
  expect(statuses).toEqual([200, 422]);
  expect(faults).toHaveLength(2);
  await out.close();
});
