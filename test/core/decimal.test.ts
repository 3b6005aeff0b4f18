// Sums of decimals at magnitudes where x × 10^6 is no longer exact in a double.

import { expect, test } from "vitest";
import { event, ndjson } from "../builders.ts";
import { open } from "../../engine/index.ts";

const COUNT = 4000;

/** Millionths of a decimal as it prints: what it is by definition. */
function millionthsOf(x: number): bigint {
  const [whole = "", part = ""] = String(x).split(".");
  return BigInt(whole) * 1_000_000n + BigInt(part.padEnd(6, "0"));
}

test.each([31, 32, 33, 34])("decimals of 6 digits about 2^%i are added exactly", async (power) => {
  const base = 2 ** power;
  const inputs = Array.from({ length: COUNT }, (_, i) => {
    // Spread over an octave, every remainder of millionths.
    return Number((base + (base * i) / COUNT + (i * 7919) / 1e6).toFixed(6));
  });
  const sum = { fn: "sum", of: "data.x" };
  const query = { name: "q", from: ["*"], key: {}, window: { kind: "global" } };
  const engine = await open({ plan: { version: 1, queries: [{ ...query, aggregate: { sum } }] } });
  await engine.push(ndjson(inputs.map((x, i) => event(`a${i}`, i, { x }))));
  const integers = inputs.map((x) => Math.trunc(x));
  await engine.push(ndjson(integers.map((x, i) => event(`b${i}`, i, { x: -x }))));
  const total = inputs.reduce((all, x) => all + millionthsOf(x), 0n);
  const rest = total - integers.reduce((all, x) => all + BigInt(x), 0n) * 1_000_000n;
  expect(engine.view("q").rows()[0]?.value["sum"]).toBe(Number(rest) / 1e6);
});
