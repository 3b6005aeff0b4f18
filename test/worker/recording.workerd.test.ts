// The recorded Friday, posted as it arrived, then every object evicted, then posted again: nothing
// is counted twice, and each restaurant's rows are those of the truth beside the recording, exactly.

import { evictAllDurableObjects } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { Row, Truth } from "../../demo/city/truth.ts";
import { EVENTS_MAX } from "../../worker/body.ts";
import { settled } from "../settled.ts";
import { get, gunzip, gzip, post, rowsPath } from "./sample.ts";

const { FRIDAY, FRIDAY_TRUTH } = env as unknown as Record<"FRIDAY" | "FRIDAY_TRUTH", ArrayBuffer>;
const worker = (exports as unknown as { default: Fetcher }).default;

const NEWLINE = 10;
/** Every commit waits for the disk: for a machine that does much else. */
const SLOW = 180_000;

const recording = await gunzip(FRIDAY);
const truth = JSON.parse(new TextDecoder().decode(await gunzip(FRIDAY_TRUTH))) as Truth;
const restaurants = Object.keys(truth.alone);

/** The recording in whole lines, as many at once as the Worker takes. */
function batches(): Uint8Array<ArrayBuffer>[] {
  const cut: Uint8Array<ArrayBuffer>[] = [];
  let start = 0;
  for (let at = 0, lines = 0; at < recording.length; at++) {
    if (recording[at] !== NEWLINE) continue;
    if (++lines % EVENTS_MAX !== 0 && at + 1 < recording.length) continue;
    cut.push(recording.slice(start, at + 1));
    start = at + 1;
  }
  return cut;
}

interface Posted {
  received: number;
  accepted: number;
  duplicate: number;
  quarantined: number;
  /** By the line's index in the whole recording. */
  codes: Map<number, string>;
}

/** Posts the batches in turn, packed. */
async function postAll(): Promise<Posted> {
  const total = { received: 0, accepted: 0, duplicate: 0, quarantined: 0 };
  const codes = new Map<number, string>();
  for (const batch of batches()) {
    const { status, body } = await post(worker, await gzip(batch), { "Content-Encoding": "gzip" });
    expect(status).toBe(200);
    for (const { index, code } of body["invalid"] as { index: number; code: string }[]) {
      codes.set(total.received + index, code);
    }
    total.received += body["received"] as number;
    total.accepted += body["accepted"] as number;
    total.duplicate += body["duplicate"] as number;
    total.quarantined += (body["quarantined"] as unknown[]).length;
  }
  return { ...total, codes };
}

async function rowsOf(restaurantId: string): Promise<Row[]> {
  const { status, body } = await get(worker, rowsPath(restaurantId));
  expect(status).toBe(200);
  return settled(body["rows"] as Row[], truth.alone[restaurantId]!.asSent);
}

async function expectTruth(): Promise<void> {
  const wanted = restaurants.map((id): [string, Row[]] => [id, truth.alone[id]!.asSent]);
  const got = await Promise.all(restaurants.map(async (id) => [id, await rowsOf(id)]));
  expect(got).toStrictEqual(wanted);
}

/** Lines of the recording, malformed ones left out, that name no restaurant; read without Millrace. */
function linesWithoutRestaurant(): number[] {
  const lines = new TextDecoder().decode(recording).trimEnd().split("\n");
  expect(lines).toHaveLength(truth.lines);
  return lines.flatMap((line, index) => {
    if (isHurt(index, "malformed:")) return [];
    const { data } = JSON.parse(line) as { data: { restaurantId?: string } };
    return data.restaurantId === undefined ? [index] : [];
  });
}

function isHurt(line: number, by: string): boolean {
  return (truth.hurt[line] ?? []).some((hurt) => hurt.startsWith(by));
}

describe("the recorded Friday", () => {
  const unroutable = linesWithoutRestaurant();
  const sentTwice = unroutable.filter((line) => isHurt(line, "duplicate"));

  /** Each malformed line has its own code, each line without a restaurant is unroutable. */
  function expectCodes(codes: ReadonlyMap<number, string>): void {
    const wanted = new Map(unroutable.map((line) => [line, "unroutable"]));
    for (const [line, hurts] of Object.entries(truth.hurt)) {
      const hurt = hurts.find((one) => one.startsWith("malformed:"));
      if (hurt !== undefined)
        wanted.set(Number(line), truth.codes[hurt.replace("malformed:", "")]!);
    }
    expect([...codes].toSorted(([a], [b]) => a - b)).toEqual(
      [...wanted].toSorted(([a], [b]) => a - b),
    );
  }

  test("has as many unroutable lines as the truth says, and their duplicates", () => {
    expect(unroutable.length - sentTwice.length).toBe(truth.counts["unroutable"]);
  });

  test("posted once gives the truth of each restaurant alone", { timeout: SLOW }, async () => {
    const { codes, ...total } = await postAll();
    const { counts } = truth;
    expect(total).toEqual({
      received: truth.lines,
      accepted: counts["accepted"]! - counts["unroutable"]!,
      duplicate: counts["duplicate"]! - sentTwice.length,
      quarantined: 0,
    });
    expectCodes(codes);
    await expectTruth();
  });

  test("is kept by every object when it is evicted", { timeout: SLOW }, async () => {
    await evictAllDurableObjects();
    await expectTruth();
  });

  test("posted again to evicted objects counts nothing twice", { timeout: SLOW }, async () => {
    await evictAllDurableObjects();
    const { codes, ...total } = await postAll();
    expect(total).toEqual({
      received: truth.lines,
      accepted: 0,
      duplicate: truth.lines - codes.size,
      quarantined: 0,
    });
    expectCodes(codes);
    await expectTruth();
  });
});
