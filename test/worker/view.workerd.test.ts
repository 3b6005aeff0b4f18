// `GET …/queries/{query}` and `…/stats`: which rows, under which tag, and that a read writes nothing.

import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { Env } from "../../worker/restaurant.ts";
import { get, ndjson, order, post, rowsPath } from "./sample.ts";

const { RESTAURANTS } = env as unknown as Env;
const worker = (exports as unknown as { default: Fetcher }).default;

const ID = "VIEW-1";
const START = Date.UTC(2024, 2, 15, 18, 30);
const SIZE = 300_000;

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
    [`?key=${encodeURIComponent('{"__proto__":"x"}')}`, []],
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

  test("of a query that the plan does not have is 404", async () => {
    for (const name of ["nothing", "constructor"]) {
      const answer = await get(worker, rowsPath(ID, name));
      expect(answer).toMatchObject({ status: 404, body: { code: "unknown_query" } });
    }
  });
});

describe("a tag", () => {
  test("is the position, and who has it gets no body", async () => {
    const { headers } = await get(worker, rowsPath(ID));
    expect(headers.get("ETag")).toBe('"3"');
    for (const known of ['"3"', 'W/"3"', '"1", "3"', "*"]) {
      const {
        status,
        headers: kept,
        body,
      } = await get(worker, rowsPath(ID), {
        "If-None-Match": known,
      });
      expect({ status, body }).toEqual({ status: 304, body: {} });
      expect(kept.get("ETag")).toBe('"3"');
    }
    for (const known of ['"2"', '"33"', "3"]) {
      const { status } = await get(worker, rowsPath(ID), { "If-None-Match": known });
      expect(status).toBe(200);
    }
  });

  test("changes with an event, not with a duplicate", async () => {
    const id = "VIEW-TAG";
    await post(worker, ndjson([order(id, 1)]));
    const known = { "If-None-Match": '"1"' };
    await post(worker, ndjson([order(id, 1)]));
    expect(await get(worker, rowsPath(id), known)).toMatchObject({ status: 304 });
    await post(worker, ndjson([order(id, 2)]));
    const { status, headers } = await get(worker, rowsPath(id), known);
    expect([status, headers.get("ETag")]).toEqual([200, '"2"']);
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
