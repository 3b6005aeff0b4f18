// Every limit of a request at its edge, and one beyond it; every code of a problem, once.

import { exports } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import {
  BODY_BYTES_MAX,
  EVENTS_MAX,
  UNPACKED_BYTES_MAX,
  UNPACKED_RATIO_MAX,
} from "../../worker/body.ts";
import { RESTAURANTS_MAX, split } from "../../worker/split.ts";
import { readInput } from "../../engine/ingest/input.ts";
import { EVENTS_URL, get, gzip, ndjson, order, post } from "./sample.ts";
import type { Answer } from "./sample.ts";

const worker = (exports as unknown as { default: Fetcher }).default;
const encoder = new TextEncoder();
const GZIP = { "Content-Encoding": "gzip" };
const NEWLINE = 10;
const SLOW = 60_000;

let count = 0;

/** One event, and newlines up to a length: blank lines are no lines. */
function padded(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length).fill(NEWLINE);
  bytes.set(encoder.encode(JSON.stringify(order(`LIMIT-${count++}`, 1))));
  return bytes;
}

/** The same gzip stream, `length` bytes long by the file's name in its header. */
function stretched(packed: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const HEADER = 10;
  const NAMED = 0x08;
  const bytes = new Uint8Array(length).fill(0x61);
  bytes.set(packed.subarray(0, HEADER));
  bytes[3] = packed[3]! | NAMED;
  const rest = packed.subarray(HEADER);
  bytes.set(rest, length - rest.length);
  bytes[length - rest.length - 1] = 0;
  return bytes;
}

function expectProblem(answer: Answer, status: number, code: string): void {
  expect(answer).toMatchObject({ status, body: { status, code } });
  expect(answer.headers.get("Content-Type")).toBe("application/problem+json");
  expect(answer.body["title"]).toEqual(expect.any(String));
  expect(answer.body["detail"]).toMatch(/^[A-Z`].*[.]$/);
}

describe("a body", () => {
  test("has at most 4 MiB as it is sent", async () => {
    expect(BODY_BYTES_MAX).toBe(4 * 1024 * 1024);
    expect(await post(worker, padded(BODY_BYTES_MAX))).toMatchObject({ status: 200 });
    expectProblem(await post(worker, padded(BODY_BYTES_MAX + 1)), 413, "body_too_large");
  });

  test("is not read to its end when it is too large and does not say so", async () => {
    let pieces = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pieces++ === 64) controller.close();
        else controller.enqueue(new Uint8Array(1024 * 1024).fill(NEWLINE));
      },
    });
    const headers = { "Content-Type": "application/x-ndjson" };
    const response = await worker.fetch(EVENTS_URL, { method: "POST", body, headers });
    expect(response.status).toBe(413);
    expect(pieces).toBeLessThan(32);
  });

  test("has at most 16 MiB when it is unpacked", async () => {
    expect(UNPACKED_BYTES_MAX).toBe(16 * 1024 * 1024);
    const length = Math.ceil(UNPACKED_BYTES_MAX / 50);
    const fits = stretched(await gzip(padded(UNPACKED_BYTES_MAX)), length);
    expect(await post(worker, fits, GZIP)).toMatchObject({ status: 200, body: { accepted: 1 } });
    const exceeds = stretched(await gzip(padded(UNPACKED_BYTES_MAX + 1)), length);
    expectProblem(await post(worker, exceeds, GZIP), 413, "body_too_large");
  });

  test("has at most 100 times the bytes that it had packed", async () => {
    expect(UNPACKED_RATIO_MAX).toBe(100);
    const length = 1_000_000;
    const packed = await gzip(padded(length));
    const fits = stretched(packed, length / 100);
    expect(await post(worker, fits, GZIP)).toMatchObject({ status: 200, body: { accepted: 1 } });
    const exceeds = stretched(packed, length / 100 - 1);
    expectProblem(await post(worker, exceeds, GZIP), 413, "body_too_large");
  });

  test("has at most 10,000 events", async () => {
    expect(EVENTS_MAX).toBe(10_000);
    const most = await post(worker, "1\n".repeat(EVENTS_MAX));
    expect(most).toMatchObject({ status: 422, body: { code: "all_invalid", received: 10_000 } });
    const event = ndjson([order(`LIMIT-${count++}`, 1)]);
    const more = await post(worker, event + "1\n".repeat(EVENTS_MAX));
    expectProblem(more, 422, "too_many_events");
    expect(more.body).not.toHaveProperty("received");
    const array = JSON.stringify(Array.from({ length: EVENTS_MAX + 1 }, () => 1));
    const json = { "Content-Type": "application/json" };
    expectProblem(await post(worker, array, json), 422, "too_many_events");
  });

  test("has at most 1,000 restaurants, or nothing is taken", { timeout: SLOW }, async () => {
    expect(RESTAURANTS_MAX).toBe(1000);
    const prefix = `LIMIT-${count++}`;
    const events = Array.from({ length: 1001 }, (_, at) => order(`${prefix}-${at}`, 1));
    // Asked of the splitter alone: so many objects take their time.
    const most = readInput(encoder.encode(ndjson(events.slice(0, 1000))));
    expect(split(most).shares).toHaveLength(1000);
    expectProblem(await post(worker, ndjson(events)), 422, "too_many_restaurants");
    const path = `/v1/restaurants/${prefix}-0/stats`;
    expectProblem(await get(worker, path), 404, "unknown_restaurant");
  });

  test("has lines of at most 256 KiB", async () => {
    const id = `LIMIT-${count++}`;
    const room = 262_144 - JSON.stringify({ ...order(id, 1), note: "" }).length;
    const lines = [0, 1].map((more) => ({ ...order(id, 1), note: "x".repeat(room + more) }));
    const { body } = await post(worker, ndjson(lines));
    expect(body).toMatchObject({ accepted: 1, invalid: [{ index: 1, code: "too_large" }] });
  });
});

describe("an encoding", () => {
  const whole = gzip(encoder.encode(ndjson([order("LIMIT-0", 1)])));

  test.each(["br", "deflate", "zstd", "gzip, gzip", "gzip, identity", "none"])(
    "%s is not supported",
    async (encoding) => {
      const answer = await post(worker, await whole, { "Content-Encoding": encoding });
      expectProblem(answer, 415, "unsupported_encoding");
      expect(answer.headers.get("Accept-Encoding")).toContain("gzip");
    },
  );

  test.each([
    ["not packed at all", async () => encoder.encode("{}")],
    ["cut short", async () => (await whole).slice(0, -1)],
    [
      "of another sum",
      async () => (await whole).map((byte, at, all) => byte ^ +(at === all.length - 8)),
    ],
    ["followed by something else", async () => new Uint8Array([...(await whole), 0x7b])],
    ["empty", async () => new Uint8Array()],
  ])("gzip is bad when the body is %s", async (_, bodyOf) => {
    expectProblem(await post(worker, await bodyOf(), GZIP), 400, "bad_encoding");
  });

  test("does not count where the body is refused before", async () => {
    const headers = { "Content-Type": "text/plain", ...GZIP };
    expectProblem(await post(worker, "{}", headers), 415, "unsupported_content_type");
  });
});

describe("a content type", () => {
  test.each([
    "text/plain",
    "application/ndjson",
    "application/jsonx",
    "application/json; charset=latin1",
    "constructor",
  ])("%s is not supported", async (type) => {
    const answer = await post(worker, "{}", { "Content-Type": type });
    expectProblem(answer, 415, "unsupported_content_type");
    expect(answer.headers.get("Accept-Post")).toContain("application/x-ndjson");
  });

  test("is needed", async () => {
    const init = { method: "POST", body: encoder.encode("{}") };
    const response = await worker.fetch(EVENTS_URL, init);
    expect(response.status).toBe(415);
  });
});

describe("a path", () => {
  test.each(["/", "/v1", "/v1/restaurants", "/v1/restaurants/a/queries", "/nowhere"])(
    "%s leads nowhere",
    async (path) => expectProblem(await get(worker, path), 404, "unknown_route"),
  );

  test.each([
    ["GET", "/v1/events", "POST"],
    ["DELETE", "/v1/restaurants/a/stats", "GET, HEAD"],
    ["POST", "/v1/restaurants/a/queries/q", "GET, HEAD"],
    ["PUT", "/v1/restaurants/a/reprocess", "POST"],
  ])("takes no %s: %s", async (method, path, allowed) => {
    const response = await worker.fetch(`https://millrace.test${path}`, { method });
    expect({ status: response.status, allow: response.headers.get("Allow") }).toEqual({
      status: 405,
      allow: allowed,
    });
    expect(await response.json()).toMatchObject({ code: "method_not_allowed" });
  });

  test("/healthz answers", async () => {
    expect(await get(worker, "/healthz")).toMatchObject({ status: 200, body: { ok: true } });
  });
});
