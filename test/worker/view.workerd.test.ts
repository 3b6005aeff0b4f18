// `GET …/queries/{query}` and `…/stats`: which rows, under which tag, and that a read writes nothing.

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import plan from "../../demo/plans/restaurant-metrics.json" with { type: "json" };
import { open } from "../../engine/index.ts";
import { sqlite } from "../../engine/store/sqlite.ts";
import type { Env } from "../../worker/restaurant.ts";
import { get, ndjson, order, post, rowsPath } from "./sample.ts";

const { RESTAURANTS } = env as unknown as Env;
const worker = (exports as unknown as { default: Fetcher }).default;

const ID = "VIEW-1";
const START = Date.UTC(2024, 2, 15, 18, 30);
const SIZE = 300_000;
/** A rebuild takes some slices for so many: the former plan is seen to serve. */
const FORMER_EVENTS = 40_000;

/** Two windows: two orders in the first, one in the second, and the clock beyond the first's grace. */
const ORDERS = [order(ID, 1), order(ID, 2), order(ID, 3, 400)];

beforeAll(async () => {
  expect(await post(worker, ndjson(ORDERS))).toMatchObject({ status: 200 });
});

const FIRST = {
  key: { restaurantId: ID },
  window: { start: START, end: START + SIZE },
  value: {
    orders: 2,
    revenue: 3.2,
    average: 1.6,
    smallest: 1.1,
    largest: 2.1,
    // The rank is floor(0.9 (2 - 1)); the sketch is within 1 %.
    p90: expect.closeTo(1.1, 2) as number,
    customers: 2,
  },
  final: true,
  revision: 3,
};
const SECOND = {
  key: { restaurantId: ID },
  window: { start: START + SIZE, end: START + 2 * SIZE },
  value: {
    orders: 1,
    revenue: 3.1,
    average: 3.1,
    smallest: 3.1,
    largest: 3.1,
    p90: 3.1,
    customers: 1,
  },
  final: false,
  revision: 1,
};

async function rows(search: string): Promise<unknown> {
  const { status, body } = await get(worker, rowsPath(ID) + search);
  expect(status).toBe(200);
  return body["rows"];
}

describe("a view", () => {
  test("has rows, clock and position", async () => {
    const { status, headers, body } = await get(worker, rowsPath(ID));
    expect(status).toBe(200);
    expect(headers.get("Content-Type")).toMatch(/^application\/json/);
    expect(body).toStrictEqual({ rows: [FIRST, SECOND], clock: START + 400_000, position: 3 });
  });

  test.each([
    [`?to=${START}`, []],
    [`?to=${START + 1}`, [FIRST]],
    [`?from=${START + SIZE - 1}`, [FIRST, SECOND]],
    [`?from=${START + SIZE}`, [SECOND]],
    [`?from=${START + 2 * SIZE - 1}`, [SECOND]],
    [`?from=${START + 2 * SIZE}`, []],
    [`?from=${START}&to=${START + SIZE}`, [FIRST]],
    [`?from=-1&to=0`, []],
    [`?key=${encodeURIComponent(JSON.stringify({ restaurantId: ID }))}`, [FIRST, SECOND]],
    [`?key=${encodeURIComponent("{}")}`, [FIRST, SECOND]],
    [`?key=${encodeURIComponent('{"restaurantId":"other"}')}`, []],
    [`?key=${encodeURIComponent('{"restaurantId":null}')}`, []],
  ])("is narrowed by %s to windows that touch, and keys that match", async (search, wanted) => {
    expect(await rows(search)).toStrictEqual(wanted);
  });

  test.each([
    ["from", "x"],
    ["from", ""],
    ["from", "1.5"],
    ["from", "1e3"],
    ["to", "9007199254740993"],
    ["to", "2024-03-15T18:30:00Z"],
    ["key", "REST-1"],
    ["key", "[]"],
    ["key", "null"],
    ["key", '{"restaurantId":["a"]}'],
    ["key", '{"restaurantId":1e999}'],
    ["key", '{"restaurantID":"VIEW-1"}'],
    ["key", '{"__proto__":"x"}'],
  ])("is refused with %s=%s", async (name, value) => {
    const search = new URLSearchParams({ [name]: value }).toString();
    const { status, headers, body } = await get(worker, `${rowsPath(ID)}?${search}`);
    expect(headers.get("Content-Type")).toBe("application/problem+json");
    expect({ status, ...body }).toMatchObject({
      status: 400,
      code: "bad_parameter",
      parameter: name,
    });
  });

  test("of a range that ends before it begins is refused, of an instant it is not", async () => {
    const { status, body } = await get(worker, `${rowsPath(ID)}?from=${START + 1}&to=${START}`);
    expect({ status, ...body }).toMatchObject({ status: 400, code: "bad_range" });
    expect(await rows(`?from=${START + 1}&to=${START + 1}`)).toStrictEqual([FIRST]);
  });

  test("of a query that the plan does not have is 404", async () => {
    for (const name of ["nothing", "constructor"]) {
      const answer = await get(worker, rowsPath(ID, name));
      expect(answer).toMatchObject({ status: 404, body: { code: "unknown_query" } });
    }
  });
});

describe("a tag", () => {
  async function tag(id: string): Promise<string> {
    const { status, headers } = await get(worker, rowsPath(id));
    expect(status).toBe(200);
    return headers.get("ETag")!;
  }

  test("begins with the position, and who has it gets no body", async () => {
    const own = await tag(ID);
    expect(own).toMatch(/^"3-[0-9a-f]{16}"$/);
    for (const known of [own, `W/${own}`, `"1", ${own}`, "*"]) {
      const {
        status,
        headers: kept,
        body,
      } = await get(worker, rowsPath(ID), {
        "If-None-Match": known,
      });
      expect({ status, body }).toEqual({ status: 304, body: {} });
      expect(kept.get("ETag")).toBe(own);
    }
    for (const known of ['"3"', own.replace("3-", "33-"), own.replaceAll('"', "")]) {
      const { status } = await get(worker, rowsPath(ID), { "If-None-Match": known });
      expect(status).toBe(200);
    }
  });

  test("stays through an eviction, and is another for other rows", async () => {
    const id = "VIEW-EVICTED";
    await post(worker, ndjson([order(id, 1)]));
    const own = await tag(id);
    await evictDurableObject(RESTAURANTS.getByName(id));
    expect(await tag(id)).toBe(own);
    const { headers } = await get(worker, `${rowsPath(id)}?to=${START}`);
    expect(headers.get("ETag")).not.toBe(own);
  });

  test("changes with an event, not with a duplicate", async () => {
    const id = "VIEW-TAG";
    await post(worker, ndjson([order(id, 1)]));
    const known = { "If-None-Match": await tag(id) };
    await post(worker, ndjson([order(id, 1)]));
    expect(await get(worker, rowsPath(id), known)).toMatchObject({ status: 304 });
    await post(worker, ndjson([order(id, 2)]));
    const { status, headers } = await get(worker, rowsPath(id), known);
    expect([status, headers.get("ETag")]).toEqual([200, expect.stringMatching(/^"2-/)]);
  });

  test("changes when another plan takes over, though no event came", async () => {
    const id = "VIEW-PLAN";
    const stub = RESTAURANTS.getByName(id);
    // What an earlier deploy left: a log of more than one slice, under a plan of its own.
    await runInDurableObject(stub, async (_, { storage }) => {
      const query = { ...plan.queries[0], aggregate: { orders: { fn: "count" } } };
      const engine = await open({
        plan: { ...plan, queries: [query] },
        store: sqlite(storage),
      });
      const orders = Array.from({ length: FORMER_EVENTS }, (__, number) => order(id, number, 0));
      await engine.push(ndjson(orders));
      await engine.close();
    });
    await evictDurableObject(stub);
    const former = await get(worker, rowsPath(id));
    expect(former.body["rows"]).toMatchObject([{ value: { orders: FORMER_EVENTS } }]);
    expect(former.body["rows"]).not.toHaveProperty([0, "value", "revenue"]);
    const known = { "If-None-Match": former.headers.get("ETag")! };
    await expect
      .poll(async () => (await get(worker, `/v1/restaurants/${id}/stats`)).body["rebuild"])
      .toBe(1);
    const { status, headers, body } = await get(worker, rowsPath(id), known);
    expect({ status, ...body }).toMatchObject({
      status: 200,
      position: former.body["position"],
      rows: [{ value: { orders: FORMER_EVENTS, revenue: expect.any(Number) as number } }],
    });
    expect(headers.get("ETag")).not.toBe(former.headers.get("ETag"));
  });
});

describe("statistics", () => {
  test("are the library's", async () => {
    const { status, body } = await get(worker, `/v1/restaurants/${ID}/stats`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ clock: START + 400_000, position: 3, accepted: 3 });
    expect(body).toMatchObject({
      storage: "durable",
      queries: { "restaurant-metrics": { rows: 2 } },
    });
  });
});

describe("a restaurant of which no event has come", () => {
  test.each([rowsPath("VIEW-NONE"), "/v1/restaurants/VIEW-NONE/stats"])(
    "is 404 under %s, and nothing is written",
    async (path) => {
      const answer = await get(worker, path);
      expect(answer).toMatchObject({ status: 404, body: { code: "unknown_restaurant" } });
      const stub = RESTAURANTS.getByName("VIEW-NONE");
      await runInDurableObject(stub, (_, { storage }) => {
        const made = "SELECT name FROM sqlite_master WHERE name NOT GLOB '_cf_*'";
        expect(storage.sql.exec(made).toArray()).toEqual([]);
      });
    },
  );

  test("is 404 whatever its id", async () => {
    for (const id of ["x".repeat(129), "%00", "a b"]) {
      expect(await get(worker, rowsPath(id))).toMatchObject({ status: 404 });
    }
  });

  test("a read of one that is known writes nothing either", async () => {
    const stub = RESTAURANTS.getByName(ID);
    const size = () =>
      runInDurableObject(stub, (_, { storage }) => {
        const count = "SELECT total_changes() AS n, (SELECT count(*) FROM millrace_chunk) AS c";
        return storage.sql.exec(count).one();
      });
    const before = await size();
    await get(worker, rowsPath(ID));
    await get(worker, `/v1/restaurants/${ID}/stats`);
    expect(await size()).toEqual(before);
  });
});
