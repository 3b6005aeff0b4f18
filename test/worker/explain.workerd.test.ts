// `GET …/queries/{query}/explain`: what is behind a row, and what cannot be one.

import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { get, ndjson, order, post, rowsPath } from "./sample.ts";

const worker = (exports as unknown as { default: Fetcher }).default;

const ID = "EXPLAIN-1";
const START = Date.UTC(2024, 2, 15, 18, 30);
const SIZE = 300_000;
const WINDOW = `${START}/${START + SIZE}`;
const KEY = JSON.stringify({ restaurantId: ID });

/** Two orders, one beyond the grace of their window, and one that is late for it. */
const ORDERS = [order(ID, 1), order(ID, 2), order(ID, 400), order(ID, 3)];

beforeAll(async () => {
  for (const each of [...ORDERS, ORDERS[1]]) {
    expect(await post(worker, ndjson([each]))).toMatchObject({ status: 200 });
  }
});

function explainPath(parameters: { [name: string]: string }, id = ID, query?: string): string {
  return `${rowsPath(id, query)}/explain?${new URLSearchParams(parameters).toString()}`;
}

describe("an explanation", () => {
  test("has the row, its events, what was late or sent again, and what was told", async () => {
    const { status, headers, body } = await get(worker, explainPath({ key: KEY, window: WINDOW }));
    expect(status).toBe(200);
    expect(headers.get("Content-Type")).toMatch(/^application\/json/);
    expect(body).toMatchObject({
      query: "restaurant-metrics",
      key: { restaurantId: ID },
      window: { start: START, end: START + SIZE },
      position: 4,
      row: { final: true, revision: 3, value: { orders: 2 } },
      events: [1, 2].map((number) => ({ events: [{ eventId: ORDERS[number - 1]!.eventId }] })),
      late: [{ events: [{ position: 3, eventId: ORDERS[3]!.eventId }], lateMs: 397_000 }],
      resent: [{ of: 1, code: "duplicate" }],
      emissions: [
        { kind: "update", revision: 1, position: 0 },
        { kind: "update", revision: 2, position: 1 },
        { kind: "final", revision: 3, position: 2, clock: START + 400_000 },
      ],
    });
  });

  test("is the same when several ask at once, and events come meanwhile", async () => {
    const path = explainPath({ key: KEY, window: WINDOW });
    const answers = await Promise.all([get(worker, path), get(worker, path), get(worker, path)]);
    const [first, ...others] = answers.map(({ body }) => body["events"]);
    expect(first).toHaveLength(2);
    for (const other of others) expect(other).toEqual(first);
  });

  test("of a window without a row is empty", async () => {
    const { status, body } = await get(worker, explainPath({ key: KEY, window: "-300000/0" }));
    expect(status).toBe(200);
    expect(body).toMatchObject({ row: null, events: [], late: [], resent: [], emissions: [] });
  });

  test.each([
    [{ window: WINDOW }, "key"],
    [{ key: KEY }, "window"],
    [{ key: KEY, window: "0" }, "window"],
    [{ key: KEY, window: "0/1/2" }, "window"],
    [{ key: KEY, window: "0/null" }, "window"],
    [{ key: "[]", window: WINDOW }, "key"],
    [{ key: KEY, window: "null/null" }, undefined],
    [{ key: "{}", window: WINDOW }, undefined],
  ])("is refused with %j", async (parameters, parameter) => {
    const { status, headers, body } = await get(worker, explainPath(parameters));
    expect(headers.get("Content-Type")).toBe("application/problem+json");
    expect({ status, code: body["code"] }).toEqual({ status: 400, code: "bad_parameter" });
    expect(body["parameter"]).toBe(parameter);
    expect(body["detail"]).toMatch(/ (no key|no window|has restaurantId|are whole numbers)/);
  });

  test("of a query or a restaurant that nobody knows is 404, and a refusal stops none", async () => {
    const asked = { key: KEY, window: WINDOW };
    const noQuery = await get(worker, explainPath(asked, ID, "nothing"));
    expect(noQuery).toMatchObject({ status: 404, body: { code: "unknown_query" } });
    const noRestaurant = await get(worker, explainPath(asked, "EXPLAIN-NONE"));
    expect(noRestaurant).toMatchObject({ status: 404, body: { code: "unknown_restaurant" } });
    expect(await get(worker, explainPath(asked))).toMatchObject({ status: 200 });
  });

  test("writes nothing", async () => {
    const path = `/v1/restaurants/${ID}/stats`;
    const { clock, position } = (await get(worker, path)).body;
    await get(worker, explainPath({ key: KEY, window: WINDOW }));
    expect(await get(worker, path)).toMatchObject({ status: 200, body: { clock, position } });
  });
});
