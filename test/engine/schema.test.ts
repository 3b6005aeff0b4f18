// An engine whose events are checked by a schema: what does not fit is refused, after the envelope
// and before all that depends on what is known already; what was accepted once stays.

import { expect, test } from "vitest";
import type { Engine } from "../../engine/engine.ts";
import { memory } from "../../engine/index.ts";
import { openAt } from "../../engine/open.ts";
import { Schemas } from "../../engine/query/schema.ts";
import { HostPace } from "../../engine/rebuild/host-pace.ts";
import type { Store } from "../../engine/store/store.ts";
import { event, planOf } from "../builders.ts";

const PLAN = planOf({ aggregate: { n: { fn: "count" }, sum: { fn: "sum", of: "data.n" } } });
const schemaOf = (type: "number" | "string"): Schemas =>
  new Schemas([{ type: "tested", fields: [{ path: "data.n", type, required: true }] }]);

function openWith(schemas: Schemas | null, store: Store = memory()): Promise<Engine> {
  return openAt(new HostPace(), { plan: PLAN, store }, schemas);
}

test("refuses what does not fit, in every form of input", async () => {
  const good = event("good", 5, { n: 2 });
  const bad = event("bad", 5, { n: "2" });
  const other = event("other", 5, { n: "2" }, { eventType: "another" });
  for (const input of [
    [good, bad, other].map((each) => JSON.stringify(each)).join("\n"),
    JSON.stringify([good, bad, other]),
    [good, bad, other],
  ]) {
    const engine = await openWith(schemaOf("number"));
    const receipt = await engine.push(input);
    expect(receipt).toMatchObject({ received: 3, accepted: 2, invalid: [{ index: 1 }] });
    expect(engine.refused()).toMatchObject([{ code: "schema_mismatch", pointer: "/data/n" }]);
    expect(engine.view("q").rows()).toMatchObject([{ value: { n: 2, sum: 2 } }]);
    await engine.close();
  }
});

test("checks a CloudEvent's data, where it was sent", async () => {
  const engine = await openWith(schemaOf("number"));
  const time = new Date(5).toISOString();
  const cloud = { specversion: "1.0", id: "c", type: "tested", time, source: "s", data: {} };
  expect(await engine.push([cloud])).toMatchObject({ accepted: 0 });
  expect(engine.refused()).toMatchObject([{ code: "schema_mismatch", pointer: "/data/n" }]);
});

const codeOf = async (engine: Engine, sent: object, receivedAt?: number): Promise<string> => {
  await engine.push([sent], receivedAt === undefined ? {} : { receivedAt });
  return engine.refused().at(-1)?.code ?? "none";
};

test("finds the envelope's faults before, and a conflict or what is held after", async () => {
  const engine = await openWith(schemaOf("number"));
  const bad = { n: "2" };
  expect(await codeOf(engine, event("e1", 5, bad, { eventTime: "soon" }))).toBe("invalid_time");
  await engine.push([event("e2", 5, { n: 1 })]);
  expect(await codeOf(engine, event("e2", 5, bad))).toBe("schema_mismatch");
  expect(await codeOf(engine, event("e2", 5, { n: 3 }))).toBe("event_id_conflict");
  expect(await codeOf(engine, event("e3", 1e12, bad), 0)).toBe("schema_mismatch");
  expect(engine.quarantine()).toEqual([]);
});

test("what the log has fits, whatever is asked for now", async () => {
  const store = memory();
  const before = await openWith(null, store);
  await before.push([event("a", 5, { n: 1 }), event("b", 6, { n: "x" }), event("c", 7, {})]);
  const rows = before.view("q").rows();
  const { position } = before.stats();
  await before.close();
  for (const schemas of [schemaOf("number"), schemaOf("string")]) {
    const engine = await openWith(schemas, store);
    expect(engine.view("q").rows()).toEqual(rows);
    expect(engine.stats().position).toBe(position);
    await engine.close();
  }
});

test("a line that is held was checked before, and is released as it is", async () => {
  const store = memory();
  const before = await openWith(null, store);
  await before.push([event("far", 1e12, {})], { receivedAt: 0 });
  const [held] = before.quarantine();
  await before.close();
  const engine = await openWith(schemaOf("number"), store);
  expect(await engine.release([held!.id])).toMatchObject({ accepted: 1, invalid: [] });
});
