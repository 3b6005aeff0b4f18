// What `POST /v1/events` takes and answers: content types, restaurants, receipts.

import { env, exports } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { Env } from "../../worker/restaurant.ts";
import { cloudEvent, get, gzip, ndjson, order, post, rowsPath } from "./sample.ts";

const { RESTAURANTS } = env as unknown as Env;
const worker = (exports as unknown as { default: Fetcher }).default;
const encoder = new TextEncoder();

const LINES_TYPE = { "Content-Type": "application/x-ndjson" };
const JSON_TYPE = { "Content-Type": "application/json" };
const CLOUD_TYPE = { "Content-Type": "application/cloudevents+json" };
const BATCH_TYPE = { "Content-Type": "application/cloudevents-batch+json" };

let count = 0;
/** A restaurant that no test had before. */
function newId(): string {
  return `POST-${count++}`;
}

/** Exactly what a receipt says when all of `n` events of one restaurant are taken. */
function allTaken(restaurantId: string, n: number): object {
  const none = { duplicate: 0, invalid: [], quarantined: [] };
  return { received: n, accepted: n, ...none, positions: { [restaurantId]: n } };
}

async function ordersOf(restaurantId: string): Promise<unknown> {
  const { body } = await get(worker, rowsPath(restaurantId));
  return (body["rows"] as { value: { orders: number } }[]).map(({ value }) => value.orders);
}

describe("a body", () => {
  test("of lines is taken, blank ones apart, and twice counts once", async () => {
    const id = newId();
    const lines = `\n${ndjson([order(id, 1)])} \t\r\n${ndjson([order(id, 2)])}`;
    expect(await post(worker, lines)).toMatchObject({ status: 200, body: allTaken(id, 2) });
    const again = { received: 2, accepted: 0, duplicate: 2, positions: { [id]: 2 } };
    expect(await post(worker, lines)).toMatchObject({ status: 200, body: again });
    expect(await ordersOf(id)).toEqual([2]);
  });

  test.each([
    ["one event", JSON_TYPE, (id: string) => JSON.stringify(order(id, 1)), 1],
    ["one event on many lines", JSON_TYPE, (id: string) => ` \n${pretty(order(id, 1))}\r\n`, 1],
    ["an array", JSON_TYPE, (id: string) => JSON.stringify([order(id, 1), order(id, 2)]), 2],
    ["an array on many lines", JSON_TYPE, (id: string) => pretty([order(id, 1), order(id, 2)]), 2],
    ["a CloudEvent", CLOUD_TYPE, (id: string) => pretty(cloudEvent(order(id, 1))), 1],
    [
      "a batch of CloudEvents",
      BATCH_TYPE,
      (id: string) => pretty([1, 2, 3].map((number) => cloudEvent(order(id, number)))),
      3,
    ],
  ])("that is %s is taken", async (_, headers, bodyOf, n) => {
    const id = newId();
    const { status, body } = await post(worker, bodyOf(id), headers);
    expect({ status, body }).toEqual({ status: 200, body: allTaken(id, n) });
    expect(await ordersOf(id)).toEqual([n]);
  });

  test("may say that it is UTF-8, and begin with a byte-order mark", async () => {
    const id = newId();
    const types = { "Content-Type": 'Application/JSON; charset="UTF-8"' };
    const marked = `\uFEFF${JSON.stringify(order(id, 1))}`;
    expect(await post(worker, marked, types)).toMatchObject({ body: { accepted: 1 } });
    expect(await post(worker, `\uFEFF${ndjson([order(id, 2)])}`)).toMatchObject({
      body: { accepted: 1 },
    });
    const twice = `\uFEFF\uFEFF${ndjson([order(id, 3)])}`;
    expect(await post(worker, twice)).toMatchObject({
      status: 422,
      body: { invalid: [{ index: 0, code: "invalid_json" }] },
    });
  });

  test.each(["gzip", "x-gzip", "GZIP"])("may be packed as %s", async (encoding) => {
    const id = newId();
    const packed = await gzip(encoder.encode(ndjson([order(id, 1), order(id, 2)])));
    const { status, body } = await post(worker, packed, { "Content-Encoding": encoding });
    expect({ status, body }).toEqual({ status: 200, body: allTaken(id, 2) });
  });

  test("may be of two packed parts, and `identity` is none", async () => {
    const id = newId();
    const parts = [order(id, 1), order(id, 2)].map((one) => gzip(encoder.encode(ndjson([one]))));
    const [first, second] = await Promise.all(parts);
    const packed = new Uint8Array([...first!, ...second!]);
    const { body } = await post(worker, packed, { "Content-Encoding": "gzip" });
    expect(body).toEqual(allTaken(id, 2));
    const plain = await post(worker, ndjson([order(id, 3)]), { "Content-Encoding": "identity" });
    expect(plain.body).toMatchObject({ accepted: 1 });
  });

  test.each([
    ["empty", "", LINES_TYPE],
    ["blank", " \n\r\n\t", LINES_TYPE],
    ["an empty array", "[]", JSON_TYPE],
  ])("that is %s has nothing to take", async (_, text, headers) => {
    const { status, body } = await post(worker, text, headers);
    const none = { accepted: 0, duplicate: 0, invalid: [], quarantined: [], positions: {} };
    expect({ status, body }).toEqual({ status: 200, body: { received: 0, ...none } });
  });
});

describe("a body at fault", () => {
  test.each([
    ["an array that does not end", JSON_TYPE, "[{}", "invalid_json"],
    ["an array with something behind it", JSON_TYPE, "[{}] {}", "invalid_json"],
    ["two events", JSON_TYPE, "{}\n{}", "invalid_json"],
    ["nothing", JSON_TYPE, "", "invalid_json"],
    ["a newline within a string", JSON_TYPE, '{"eventId":"a\nb"}', "invalid_json"],
    ["an array of CloudEvents, sent as one", CLOUD_TYPE, "[]", "expected_object"],
    ["one CloudEvent, sent as a batch", BATCH_TYPE, "{}", "invalid_json"],
    ["a batch that does not parse", BATCH_TYPE, "[{},]", "invalid_json"],
    ["an array, sent as a line", LINES_TYPE, "[]", "expected_object"],
  ])("%s is one fault, at index 0", async (_, headers, text, code) => {
    const { status, headers: got, body } = await post(worker, text, headers);
    expect(status).toBe(422);
    expect(got.get("Content-Type")).toBe("application/problem+json");
    expect(body).toMatchObject({ code: "all_invalid", status: 422, received: 1, accepted: 0 });
    expect(body["invalid"]).toMatchObject([{ index: 0, code, pointer: "" }]);
  });

  test("names the place in a CloudEvent as it was sent", async () => {
    const event = { ...cloudEvent(order(newId(), 1)), time: "yesterday" };
    const { body } = await post(worker, JSON.stringify(event), CLOUD_TYPE);
    expect(body["invalid"]).toMatchObject([{ code: "invalid_time", pointer: "/time" }]);
  });
});

describe("a restaurant", () => {
  const long = "x".repeat(128);
  const wide = "é".repeat(64);

  test.each([long, wide, "a/b %41?#é", "__proto__", "constructor"])("may be %j", async (id) => {
    const { status, body } = await post(worker, ndjson([order(id, 1)]));
    expect(status).toBe(200);
    expect(Object.entries(body["positions"] as object)).toEqual([[id, 1]]);
    expect(await get(worker, rowsPath(id))).toMatchObject({
      status: 200,
      body: { rows: [{ key: { restaurantId: id } }] },
    });
  });

  test.each([undefined, null, 7, "", ".", "..", `${long}x`, `${wide}x`, ["REST-1"], {}])(
    "cannot be %j: unroutable, by its place",
    async (id) => {
      const event = order("", 1);
      event.data["restaurantId"] = id;
      const { status, body } = await post(worker, ndjson([event]));
      expect(status).toBe(422);
      const fault = { index: 0, code: "unroutable", pointer: "/data/restaurantId" };
      expect(body["invalid"]).toMatchObject([fault]);
    },
  );

  test("whose events are all refused by the Worker has no object", async () => {
    const id = newId();
    const { body } = await post(worker, ndjson([{ ...order(id, 1), eventTime: "now" }]));
    expect(body).toMatchObject({ code: "all_invalid", positions: {} });
    expect(await get(worker, rowsPath(id))).toMatchObject({ status: 404 });
  });
});

describe("a receipt", () => {
  test("has the indexes as sent, across restaurants and faults", async () => {
    const [a, b] = [newId(), newId()];
    const conflicting = { ...order(b, 1), data: { restaurantId: b, orderTotal: 99 } };
    const ahead = { ...order(a, 3), eventTime: new Date(Date.now() + 3_600_000).toISOString() };
    const lines = [
      JSON.stringify(order(a, 1)), // 0
      "{", // 1 invalid_json
      JSON.stringify(order(b, 1)), // 2
      "", // no line
      JSON.stringify(ahead), // 3 held, by a
      JSON.stringify(conflicting), // 4 refused, by b
      JSON.stringify({ ...order(a, 4), data: {} }), // 5 unroutable
      JSON.stringify(order(b, 2)), // 6
      JSON.stringify(order(a, 1)), // 7 duplicate
      JSON.stringify(order(a, 2)), // 8
    ];
    const { status, body } = await post(worker, lines.join("\n"));
    expect(status).toBe(200);
    expect(body).toEqual({
      received: 9,
      accepted: 4,
      duplicate: 1,
      invalid: [
        { index: 1, code: "invalid_json", pointer: "", message: expect.any(String) },
        { index: 4, code: "event_id_conflict", pointer: "/eventId", message: expect.any(String) },
        {
          index: 5,
          code: "unroutable",
          pointer: "/data/restaurantId",
          message: expect.any(String),
        },
      ],
      quarantined: [
        {
          index: 3,
          code: "event_time_in_future",
          pointer: "/eventTime",
          message: expect.any(String),
        },
      ],
      positions: { [a]: 2, [b]: 2 },
    });
    expect([await ordersOf(a), await ordersOf(b)]).toEqual([[2], [2]]);
  });

  test("of events that are all refused by their restaurant is 422 too", async () => {
    const id = newId();
    await post(worker, ndjson([order(id, 1)]));
    const other = { ...order(id, 1), eventType: "order.changed" };
    const { status, body } = await post(worker, ndjson([other]));
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: "all_invalid", received: 1, positions: { [id]: 1 } });
  });

  test("gives the time of the Worker as the receive time", async () => {
    const id = newId();
    const before = Date.now();
    const ahead = { ...order(id, 1), eventTime: new Date(before + 3_600_000).toISOString() };
    await post(worker, ndjson([ahead]));
    const [held] = await runInDurableObject(RESTAURANTS.getByName(id), (_, { storage }) =>
      storage.sql.exec("SELECT received_at FROM millrace_held").toArray(),
    );
    expect(held!["received_at"]).toBeGreaterThanOrEqual(before);
    expect(held!["received_at"]).toBeLessThanOrEqual(Date.now());
  });
});

function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
