// The quarantine: what nobody can vouch for is held once, durably, and changes nothing else.

import { expect, test } from "vitest";
import { memory } from "../../engine/index.ts";
import { lineWith, CLOUD_SAMPLE } from "../ingest/sample.ts";
import { engineOf, event, ndjson, planOf, verdictsOf } from "../builders.ts";

const TOO_OLD = "event_time_too_old /eventTime";
const IN_FUTURE = "event_time_in_future /eventTime";
const FULL = "quarantine_full /eventTime";

const plan = (limit = 10_000): unknown =>
  planOf(
    { key: { t: "eventType" } },
    { limits: { quarantine: limit }, clock: { dedup: 100, maxAhead: 50 } },
  );

test("the guard takes an event at exactly maxAhead, and holds it 1 ms beyond", async () => {
  const engine = await engineOf(plan());
  const receipt = await engine.push([event("a", 1050), event("b", 1051)], { receivedAt: 1000 });
  expect(verdictsOf(receipt)).toEqual({ 1: IN_FUTURE });
  // The clock takes the earlier of the two times.
  expect(engine.stats()).toMatchObject({ clock: 1000, accepted: 1, quarantined: 1 });
});

test("each line is judged by its own receive time, and not at all without one", async () => {
  const engine = await engineOf(plan());
  const events = [event("a", 1051), event("b", 1051), event("c", 1051), event("d", 9e12)];
  const receipt = await engine.push(events, { receivedAt: [1000, 1001, null, null] });
  expect(verdictsOf(receipt)).toEqual({ 0: IN_FUTURE });
  expect(engine.stats()).toMatchObject({ clock: 9e12, accepted: 3 });
  expect(engine.quarantine()).toMatchObject([{ receivedAt: 1000 }]);
});

test("a held line is listed byte for byte, and changes no state", async () => {
  const good = [event("a", 1000), event("b", 1001)];
  const expected = await engineOf(plan(), [good]);
  const engine = await engineOf(plan());
  const held = ` {"x" : 1.50, ${lineWith({ eventTime: '"1970-01-01T00:00:00.800Z"' }).slice(1)} `;
  const receipt = await engine.push(`${ndjson([good[0]])}${held}\r\n${ndjson([good[1]])}`);
  expect(verdictsOf(receipt)).toEqual({ 1: TOO_OLD });
  expect(receipt.quarantined[0]!.message).toContain("dedup");
  const [entry] = engine.quarantine();
  expect(entry).toMatchObject({ code: "event_time_too_old", receivedAt: null, line: held });
  expect(await engine.stateHash()).toBe(await expected.stateHash());
});

test("one identity and content is held once, another content or source beside it", async () => {
  const engine = await engineOf(plan(), [event("now", 1000)]);
  const old = event("old", 800, { v: 1 });
  const receipt = await engine.push([
    old,
    old,
    { ...old, more: true },
    { ...old, data: { v: 2 } },
    { ...old, source: "till" },
    { ...old, data: { v: 2 } },
  ]);
  expect(receipt.quarantined.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(engine.quarantine()).toHaveLength(3);
  await engine.push(ndjson([old]).replace('"v":1', ' "v": 1.0 '));
  await engine.push({ ...old, data: { v: 3 } });
  expect(engine.quarantine()).toHaveLength(4);
  expect(new Set(engine.quarantine().map(({ id }) => id)).size).toBe(4);
  expect(engine.stats()).toMatchObject({ quarantined: 8, received: 9, invalid: 0, duplicate: 0 });
});

test("a held identity is not remembered: in time, it is accepted", async () => {
  const engine = await engineOf(plan());
  const ahead = event("a", 2000);
  await engine.push(ahead, { receivedAt: 1000 });
  expect(engine.stats()).toMatchObject({ quarantined: 1, clock: null });
  expect(await engine.push(ahead, { receivedAt: 2000 })).toMatchObject({ accepted: 1 });
  expect(await engine.push(ahead, { receivedAt: 1000 })).toMatchObject({ duplicate: 1 });
});

test.each([1, 2, 3])(
  "the list holds limits.quarantine lines, here %i, and no more",
  async (max) => {
    const engine = await engineOf(plan(max), [event("now", 1000)]);
    const old = Array.from({ length: 5 }, (_, index) => event(`old${index}`, 800));
    const receipt = await engine.push(old);
    const full = old.map((_, index) => [index, index < max ? TOO_OLD : FULL]);
    expect(verdictsOf(receipt)).toEqual(Object.fromEntries(full));
    expect(engine.quarantine()).toHaveLength(max);
    // What is on the list already takes no more room.
    expect(verdictsOf(await engine.push(old))).toEqual(Object.fromEntries(full));
    const ahead = await engine.push(event("ahead", 5000), { receivedAt: 1000 });
    expect(verdictsOf(ahead)).toEqual({ 0: FULL });
    expect(engine.stats()).toMatchObject({ received: 12, accepted: 1, quarantined: max * 2 });
  },
);

test("a CloudEvent is held at its own member", async () => {
  const engine = await engineOf(plan(1), [event("now", Date.parse("2024-03-16T00:00:00Z"))]);
  const lines = ["a", "b"].map((id) => lineWith({ id: `"${id}"` }, CLOUD_SAMPLE));
  expect(verdictsOf(await engine.push(lines.join("\n")))).toEqual({
    0: "event_time_too_old /time",
    1: "quarantine_full /time",
  });
});

test("too old comes before too far ahead, and a known identity before both", async () => {
  const engine = await engineOf(plan(), [event("now", 10_000), event("known", 10_001)]);
  const receipt = await engine.push(
    [event("old", 9_900), event("known", 10_001), event("known", 10_001, { v: 1 })],
    { receivedAt: 0 },
  );
  expect(verdictsOf(receipt)).toEqual({ 0: TOO_OLD, 2: "event_id_conflict /eventId" });
  expect(receipt.duplicate).toBe(1);
});

test("the list outlives the engine, with its ids", async () => {
  const store = memory();
  const engine = await engineOf(plan(3), [event("now", 1000)], { store });
  await engine.push([event("a", 1), event("b", 2), event("a", 1, { v: 2 })], { receivedAt: 7 });
  const held = engine.quarantine();
  expect(held).toHaveLength(3);
  await engine.close();
  const again = await engineOf(plan(3), [], { store });
  expect(again.quarantine()).toEqual(held);
  const receipt = await again.push([event("a", 1), event("c", 3)]);
  expect(verdictsOf(receipt)).toEqual({ 0: TOO_OLD, 1: FULL });
});
