// `POST …/reprocess`: what came too late is brought in, on disk too, and what is asked wrongly is told.

import { exports } from "cloudflare:workers";
import { abortAllDurableObjects } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { get, ndjson, order, post, QUERY, rowsPath, type Answer } from "./sample.ts";

const worker = (exports as unknown as { default: Fetcher }).default;

const START = Date.UTC(2024, 2, 15, 18, 30);
const SIZE = 300_000;
const ALL = { query: QUERY, from: START, to: START + SIZE };

async function reprocess(id: string, question: unknown): Promise<Answer> {
  const body = typeof question === "string" ? question : JSON.stringify(question);
  const url = `https://millrace.test/v1/restaurants/${id}/reprocess`;
  const response = await worker.fetch(url, { method: "POST", body });
  const { status, headers } = response;
  return { status, headers, body: await response.json() };
}

test("a late order is brought in, and stays in after a restart", async () => {
  const id = "AGAIN-1";
  await post(worker, ndjson([order(id, 1), order(id, 2), order(id, 3, 400)]));
  await post(worker, ndjson([order(id, 4)]));
  const { status, body } = await reprocess(id, ALL);
  expect(status).toBe(200);
  const window = { start: START, end: START + SIZE };
  expect(body["changes"]).toMatchObject([
    { query: QUERY, kind: "correction", window, value: { orders: 3 }, revision: 5, position: 4 },
  ]);
  const rows = (await get(worker, rowsPath(id))).body["rows"];
  expect(rows).toMatchObject([{ window, value: { orders: 3 }, final: true, revision: 5 }, {}]);
  await abortAllDurableObjects();
  expect((await get(worker, rowsPath(id))).body["rows"]).toEqual(rows);
  expect((await reprocess(id, ALL)).body).toEqual({ changes: [] });
});

describe("refused:", () => {
  test.each([
    ["", "bad_question"],
    ["[]", "bad_question"],
    [{ query: QUERY }, "bad_question"],
    [{ ...ALL, to: START }, "bad_question"],
    [{ ...ALL, from: "0" }, "bad_question"],
    [{ ...ALL, from: 0.5 }, "bad_question"],
    [{ ...ALL, query: "nope" }, "unknown_query"],
  ])("%j is %s", async (question, code) => {
    const id = "AGAIN-2";
    await post(worker, ndjson([order(id, 1)]));
    expect((await reprocess(id, question)).body).toMatchObject({ code });
    expect((await get(worker, rowsPath(id))).body["position"]).toBe(1);
  });

  test("a restaurant that nobody knows, without making it", async () => {
    const answer = await reprocess("NOBODY", ALL);
    expect(answer).toMatchObject({ status: 404, body: { code: "unknown_restaurant" } });
    expect(await get(worker, "/v1/restaurants/NOBODY/stats")).toMatchObject({ status: 404 });
  });
});
