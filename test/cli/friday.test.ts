// The recorded Friday through the command line: every final that the simulator worked out by itself,
// and nothing else, however the lines are cut, timed or sent again.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Truth } from "../../demo/city/truth.ts";
import type { Receipt } from "../../engine/index.ts";
import { settled } from "../settled.ts";
import { chunksOf, folder, millrace, MINUTE, type Ran } from "./terminal.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PLAN = join(ROOT, "demo/plans/restaurant-metrics.json");
const CHUNK_BYTES = 64 * 1024;

const file = folder();
const recording = gunzipSync(readFileSync(join(ROOT, "demo/recorded/friday.ndjson.gz")));
const truth = JSON.parse(
  gunzipSync(readFileSync(join(ROOT, "demo/recorded/friday.truth.json.gz"))).toString(),
) as Truth;
const FINALS = truth.city.asSent.map(({ query, key, window, value, revision }) => {
  return { query, key, window, value, revision };
});
const COUNTS = "51940 received, 51386 accepted, 514 duplicate, 40 invalid, 0 quarantined";

function run(words: readonly string[], input: Uint8Array = recording): Promise<Ran> {
  const all = ["run", PLAN, "--flush", "--emit", "final", "--state-hash", "--view-hash", ...words];
  return millrace(all, chunksOf(input, CHUNK_BYTES));
}

function finals({ changes }: Ran) {
  const shown = changes.map(({ query, key, window, value, revision }) => {
    return { query, key, window, value, revision };
  });
  return settled(shown, FINALS);
}

/** The hash of the state, and that of the views. */
function hashes({ told }: Ran): readonly (string | undefined)[] {
  return told.slice(-2);
}

/** Every line twice, the second time received a while later. */
function sentTwice(): Buffer {
  const copies: Buffer[] = [];
  for (let start = 0; start < recording.length;) {
    const end = recording.indexOf(10, start) + 1;
    const line = recording.subarray(start, end);
    const later = line.toString("latin1").replace(/"receivedAt":(\d+)\}/, (_, ms: string) => {
      return `"receivedAt":${Number(ms) + 1234}}`;
    });
    copies.push(line, Buffer.from(later, "latin1"));
    start = end;
  }
  return Buffer.concat(copies);
}

/** With MILLRACE_FULL=1 every way is gone, else one of each kind. */
const FULL = process.env["MILLRACE_FULL"] === "1";
const RECEIVED = ["--received-at", "receivedAt"];
const report = file("report.json", "");
/** The run that the others with receive times are compared to. */
const received = run([...RECEIVED, "--report", report]);

describe("the recorded Friday", { timeout: 5 * MINUTE }, () => {
  test("says the truth for every --batch, and has one state", async () => {
    const states = new Set<string>();
    for (const batch of FULL ? [1, 7, 1000, 100_000] : [1, 7, 100_000]) {
      const ran = await run(["--batch", String(batch)]);
      expect(ran.code).toBe(3);
      expect(ran.told).toContain(COUNTS);
      expect(finals(ran)).toEqual(FINALS);
      states.add(hashes(ran).join());
    }
    expect(states.size).toBe(1);
  });

  test("says the truth with receive times, for every --batch", async () => {
    const runs = [await received];
    for (const batch of FULL ? [1, 7, 100_000] : [7]) {
      runs.push(await run([...RECEIVED, "--batch", String(batch)]));
    }
    for (const ran of runs) {
      expect(ran.told).toContain(COUNTS);
      expect(finals(ran)).toEqual(FINALS);
      expect(hashes(ran)).toEqual(hashes(await received));
    }
  });

  test("says the same where every line is sent twice, received at another time", async () => {
    for (const words of FULL ? [RECEIVED, []] : [RECEIVED]) {
      const ran = await run(words, sentTwice());
      expect(ran.told).toContain(
        "103880 received, 51386 accepted, 52414 duplicate, 80 invalid, 0 quarantined",
      );
      expect(finals(ran)).toEqual(FINALS);
      const once = words === RECEIVED ? await received : await run(words);
      expect(hashes(ran)).toEqual(hashes(once));
    }
  });

  test("gives the contract's code for every line that was hurt so", async () => {
    await received;
    const { receipt } = JSON.parse(readFileSync(report, "utf8")) as { receipt: Receipt };
    const wanted = Object.entries(truth.hurt).flatMap(([line, [hurt = ""]]) => {
      const [kind, name = ""] = hurt.split(":");
      return kind === "malformed" ? [[Number(line), truth.codes[name]]] : [];
    });
    expect(receipt.invalid.map(({ index, code }) => [index, code])).toEqual(wanted);
    expect(wanted).toHaveLength(40);
  });
});
