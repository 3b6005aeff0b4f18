// Identities: the same event twice changes nothing, another one under its id is refused, and what
// dedup no longer remembers is held, never guessed.

import { describe, expect, test } from "vitest";
import { memory, type Store } from "../../engine/index.ts";
import { randomOf, seeded, type Random } from "../event/random.ts";
import { CLOUD_SAMPLE, lineWith, SAMPLE } from "../ingest/sample.ts";
import { engineOf, event, ndjson, planOf, verdictsOf } from "../builders.ts";

// ── content ────────────────────────────────────────────────────────────────────────────────────

const DATA = '{"a":1,"b":[true,null,"ü\\n"],"c":{"x":0.5,"y":""}}';
const FIRST = lineWith({ data: DATA });
const reordered = (line: string): string =>
  JSON.stringify(
    Object.fromEntries(Object.entries(JSON.parse(line) as object).toReversed()) as unknown,
  );
const cloud = lineWith(
  { data: DATA, causationid: '"cause-1"', correlationid: '"corr-1"' },
  CLOUD_SAMPLE,
);

/** Forms of one content, each beside the one that is first. */
const SAME: readonly (readonly [what: string, again: string, first?: string])[] = [
  ["byte for byte", FIRST],
  ["with its members in another order", reordered(FIRST)],
  ["with the keys of data in another order", lineWith({ data: reordered(DATA) })],
  ["with white space", ` ${FIRST.replaceAll(":", " : ").replaceAll(" : 30 : 00", ":30:00")}\t`],
  ["with members beyond the envelope", lineWith({ data: DATA, receivedAt: "7", more: "{}" })],
  [
    "with a null where a member is optional",
    lineWith({ causationId: "null" }),
    lineWith({ causationId: undefined }),
  ],
  ["with 1.0 where 1 was", lineWith({ data: DATA.replace(":1,", ":1.0,") })],
  ["with 5e-1 where 0.5 was", lineWith({ data: DATA.replace("0.5", "5e-1") })],
  [
    "with 0.50 and 10e-1",
    lineWith({ data: DATA.replace("0.5", "0.50").replace(":1,", ":10e-1,") }),
  ],
  ["with -0 where 0 was", lineWith({ data: '{"z":-0}' }), lineWith({ data: '{"z":0}' })],
  ["with escapes for characters", lineWith({ data: DATA.replace("ü", "\\u00fc") })],
  ["with its id escaped", lineWith({ data: DATA, eventId: '"\\u0065vt-1"' })],
  [
    "with another number of the same double",
    lineWith({ data: '{"z":0.1}' }),
    lineWith({ data: '{"z":0.10000000000000000555}' }),
  ],
  ["as a CloudEvent", cloud],
];

/** Other contents under the same id. */
const OTHER: readonly (readonly [what: string, again: string])[] = [
  ["type", lineWith({ data: DATA, eventType: '"order.cancelled"' })],
  ["version", lineWith({ data: DATA, eventVersion: '"1.1"' })],
  ["instant", lineWith({ data: DATA, eventTime: '"2024-03-15T18:30:01Z"' })],
  ["writing of the time", lineWith({ data: DATA, eventTime: '"2024-03-15T18:30:00.000Z"' })],
  ["correlation", lineWith({ data: DATA, correlationId: '"corr-2"' })],
  ["causation", lineWith({ data: DATA, causationId: '"cause-2"' })],
  ["absent causation", lineWith({ data: DATA, causationId: undefined })],
  ["data", lineWith({ data: DATA.replace(":1,", ":2,") })],
  ["type of a value", lineWith({ data: DATA.replace(":1,", ':"1",') })],
  ["member more in data", lineWith({ data: DATA.replace('"a"', '"more":null,"a"') })],
  ["order of an array", lineWith({ data: DATA.replace("true,null", "null,true") })],
];

const PLAN = planOf({
  key: { t: "eventType" },
  window: { kind: "tumbling", size: 1000, grace: 0 },
});

describe.each(["in one push", "against the log", "against the log of an engine opened again"])(
  "an identity that comes again %s",
  (where) => {
    async function pushTwice(first: string, again: string) {
      const store = memory();
      let engine = await engineOf(PLAN, [], { store });
      // Other chunks around it, so that the entry is looked for where it is.
      await engine.push([
        event("before", Date.parse(SAMPLE.eventTime)),
        event("b2", Date.parse(SAMPLE.eventTime)),
      ]);
      if (where === "in one push") {
        const receipt = await engine.push(`${first}\n${again}`);
        return { engine, receipt, index: 1, first };
      }
      await engine.push(`${ndjson([event("b3", 1710527400000)])}${first}`);
      await engine.push(event("after", Date.parse(SAMPLE.eventTime)));
      if (where !== "against the log") {
        await engine.close();
        engine = await engineOf(PLAN, [], { store });
      }
      return { engine, receipt: await engine.push(again), index: 0, first };
    }

    for (const [what, again, first = FIRST] of SAME) {
      test(`is a duplicate ${what}`, async () => {
        const { engine, receipt } = await pushTwice(first, again);
        expect(receipt).toMatchObject({ duplicate: 1, invalid: [], quarantined: [] });
        const of = where === "in one push" ? 2 : 3;
        expect(engine.refused().at(-1)).toMatchObject({ code: "duplicate", of });
        const hash = await engine.stateHash();
        expect(hash).toBe(await (await pushTwice(first, first)).engine.stateHash());
      });
    }

    test.each(OTHER)("is a conflict with another %s", async (_what, again) => {
      const { engine, receipt, index } = await pushTwice(FIRST, again);
      expect(verdictsOf(receipt)).toEqual({ [index]: "event_id_conflict /eventId" });
      expect(receipt.duplicate).toBe(0);
      const of = where === "in one push" ? 2 : 3;
      const line = again;
      expect(engine.refused().at(-1)).toMatchObject({ code: "event_id_conflict", of, line });
      const hash = await engine.stateHash();
      expect(hash).toBe(await (await pushTwice(FIRST, FIRST)).engine.stateHash());
    });
  },
);

test("a conflict of a CloudEvent is at its id", async () => {
  const engine = await engineOf(PLAN, [FIRST]);
  const receipt = await engine.push(lineWith({ data: '{"other":1}' }, CLOUD_SAMPLE));
  expect(verdictsOf(receipt)).toEqual({ 0: "event_id_conflict /id" });
});

test("the source belongs to the identity, and is not mixed up with the id", async () => {
  const engine = await engineOf(PLAN);
  const identities = [
    { eventId: "bc", source: "a" },
    { eventId: "c", source: "ab" },
    { eventId: "abc" },
    { eventId: "c", source: "a" },
    { eventId: "bc" },
  ];
  const events = identities.map((identity) => event("", 0, {}, identity));
  expect(await engine.push(events)).toMatchObject({ accepted: 5, duplicate: 0 });
  expect(await engine.push(events)).toMatchObject({ accepted: 0, duplicate: 5 });
});

test("several conflicts and duplicates of one push are each told of their first", async () => {
  const a = event("a", 0, { v: 1 });
  const b = event("b", 0, { v: 1 });
  const engine = await engineOf(PLAN, [a, b]);
  const receipt = await engine.push([
    { ...b, data: { v: 2 } },
    event("c", 0, { v: 1 }),
    { ...a, data: { v: 3 } },
    event("c", 0, { v: 2 }),
    a,
    event("c", 0, { v: 1 }),
  ]);
  expect(verdictsOf(receipt)).toEqual({
    0: "event_id_conflict /eventId",
    2: "event_id_conflict /eventId",
    3: "event_id_conflict /eventId",
  });
  expect(receipt).toMatchObject({ accepted: 1, duplicate: 2 });
  expect(engine.refused().map(({ of }) => of)).toEqual([1, 0, 2, 0, 2]);
});

test("contents are read back in one call for each chunk that holds them, not for each line", async () => {
  const inner = memory();
  let reads = 0;
  const store: Store = {
    storage: "memory",
    recover: () => inner.recover(),
    create: (header) => inner.create(header),
    append: (write) => inner.append(write),
    read: (from, limitBytes) => {
      reads++;
      return inner.read(from, limitBytes);
    },
    hasLanded: (write) => inner.hasLanded(write),
    trim: (to) => inner.trim(to),
    saveSnapshot: (snapshot) => inner.saveSnapshot(snapshot),
    close: () => inner.close(),
  };
  const engine = await engineOf(PLAN, [], { store });
  const events = Array.from({ length: 100 }, (_, index) => event(`e${index}`, 0, { v: 1 }));
  await engine.push(events);
  reads = 0;
  const again = ndjson(events).replaceAll('"v":1', '"v":1.0');
  expect(await engine.push(again)).toMatchObject({ duplicate: 100 });
  expect(reads).toBe(1);
});

// ── the horizon ────────────────────────────────────────────────────────────────────────────────

describe.each(["in one push", "in pushes of their own"])("the horizon of dedup, %s", (cut) => {
  const plan = planOf({}, { clock: { dedup: 100, delay: 7 } });

  /** The engine after `lines`, and what became of the last of them. */
  async function after(lines: readonly object[]) {
    const engine = await engineOf(plan);
    if (cut === "in one push") return { engine, receipt: await engine.push([...lines]) };
    for (const line of lines.slice(0, -1)) await engine.push(line);
    return { engine, receipt: await engine.push(lines.at(-1)!) };
  }

  test("remembers an event of exactly T - dedup", async () => {
    // T is 1007 - 7.
    const { receipt } = await after([event("a", 900), event("b", 1007), event("a", 900)]);
    expect(receipt).toMatchObject({ duplicate: 1, quarantined: [] });
    const other = await after([event("a", 900), event("b", 1007), event("a", 900, { v: 1 })]);
    expect(other.receipt.invalid).toMatchObject([{ code: "event_id_conflict" }]);
    const fresh = await after([event("b", 1007), event("a", 900)]);
    expect(fresh.receipt).toMatchObject({ quarantined: [] });
    expect(fresh.engine.stats()).toMatchObject({ dedupHorizon: 900, accepted: 2 });
  });

  test("holds an event of 1 ms before it, known or not, and it moves no clock", async () => {
    for (const first of [[event("a", 899)], []]) {
      const { engine, receipt } = await after([...first, event("b", 1007), event("a", 899)]);
      expect(receipt.quarantined).toMatchObject(
        [{ code: "event_time_too_old", pointer: "/eventTime", message: /dedup/ }].map((each) => ({
          ...each,
          message: expect.stringMatching(each.message) as string,
        })),
      );
      expect(engine.stats()).toMatchObject({ clock: 1000, accepted: first.length + 1 });
      expect(engine.quarantine()).toMatchObject([{ code: "event_time_too_old" }]);
    }
  });
});

// ── limits.identities ──────────────────────────────────────────────────────────────────────────

describe.each([1, 2, 100])("limits.identities, %i events a push", (cut) => {
  const plan = planOf({}, { limits: { identities: 4 } });
  const times = [40, 10, 30, 20];
  const known = times.map((time) => event(`e${time}`, time));

  async function after(more: readonly object[]) {
    const engine = await engineOf(plan);
    const lines = [...known, ...more];
    for (let at = 0; at < lines.length; at += cut) await engine.push(lines.slice(at, at + cut));
    return engine;
  }

  test("at the limit nothing is forgotten", async () => {
    const engine = await after([]);
    expect(engine.stats()).toMatchObject({ forgotten: 0, accepted: 4 });
    expect(await engine.push(known)).toMatchObject({ duplicate: 4 });
    expect(engine.stats().dedupHorizon).toBeLessThan(10);
  });

  test("one more forgets the earliest, counts it and moves the horizon", async () => {
    const engine = await after([event("e15", 15)]);
    expect(engine.stats()).toMatchObject({ forgotten: 1, dedupHorizon: 11 });
    const receipt = await engine.push([...known, event("e15", 15), event("new", 10)]);
    expect(receipt.duplicate).toBe(4);
    expect(verdictsOf(receipt)).toEqual({
      1: "event_time_too_old /eventTime",
      5: "event_time_too_old /eventTime",
    });
  });

  test("the one more is itself forgotten where it is the earliest", async () => {
    const engine = await after([event("e5", 5)]);
    expect(engine.stats()).toMatchObject({ forgotten: 1, dedupHorizon: 6, accepted: 5 });
    const receipt = await engine.push([...known, event("e5", 5)]);
    expect(receipt.duplicate).toBe(4);
    expect(verdictsOf(receipt)).toEqual({ 4: "event_time_too_old /eventTime" });
  });

  test("all of the earliest instant are forgotten together", async () => {
    const twins = [event("x10", 10), event("e50", 50)];
    const engine = await after(twins);
    // x10 pushes the horizon to 11 and out go e10 and itself; then there is room for e50.
    expect(engine.stats()).toMatchObject({ forgotten: 2, dedupHorizon: 11 });
    expect(await engine.push([...known.filter((_, i) => i !== 1), twins[1]!])).toMatchObject({
      duplicate: 4,
    });
  });
});

/** What becomes of each line, told from the rules alone. */
function expectedOf(
  lines: readonly { readonly id: string; readonly time: number }[],
  dedup: number,
  max: number,
): { verdicts: string[]; horizon: number; forgotten: number } {
  const known = new Map<string, number>();
  const verdicts: string[] = [];
  let clock = -Infinity;
  let horizon = -Infinity;
  let forgotten = 0;
  const raise = (to: number): void => {
    horizon = Math.max(horizon, to);
    for (const [id, time] of known) if (time < horizon) known.delete(id);
  };
  for (const { id, time } of lines) {
    if (known.has(id)) {
      verdicts.push("duplicate");
      continue;
    }
    if (time < horizon) {
      verdicts.push("held");
      continue;
    }
    verdicts.push("accepted");
    clock = Math.max(clock, time);
    raise(clock - dedup);
    known.set(id, time);
    if (known.size <= max) continue;
    const before = known.size;
    raise(Math.min(...known.values()) + 1);
    forgotten += before - known.size;
  }
  return { verdicts, horizon, forgotten };
}

async function compareWithRules(random: Random): Promise<void> {
  // Of all the digits of a time in which identities lie.
  const scale = random.pick([1, 1, 63, 4096, 90_001, 40_000_000, 5_000_000_000]);
  const dedup = random.pick([5, 40, 1000]) * scale;
  const max = random.pick([1, 2, 7, 30, 1000]);
  const origin = random.pick([0, -50, 1_700_000_000_000, -(2 ** 31)]);
  // An id has one time, so that no line is a conflict.
  const lines = Array.from({ length: 120 }, (_, index) => {
    const step = random.below(4) * 20 + index + random.below(9);
    const time = origin + step * scale + ((step * 7919) % scale);
    return { id: `${random.below(60)}-${time}`, time };
  });
  const plan = planOf({}, { clock: { dedup }, limits: { identities: max } });
  const engine = await engineOf(plan);
  const verdicts: string[] = [];
  for (let at = 0; at < lines.length;) {
    const push = lines.slice(at, at + 1 + random.below(20));
    const receipt = await engine.push(push.map(({ id, time }) => event(id, time)));
    const held = new Set(receipt.quarantined.map(({ index }) => index));
    const log = (await Array.fromAsync(engine.log({ from: receipt.position - receipt.accepted })))
      .join("")
      .split("\n");
    const accepted = new Set(log.flatMap((line) => /"eventId":"([^"]*)"/.exec(line)?.[1] ?? []));
    for (const [index, { id }] of push.entries()) {
      const first = push.findIndex((each) => each.id === id) === index;
      const isNew = first && accepted.has(id) && receipt.accepted > 0;
      verdicts.push(held.has(index) ? "held" : isNew ? "accepted" : "duplicate");
    }
    at += push.length;
  }
  const expected = expectedOf(lines, dedup, max);
  expect(verdicts).toEqual(expected.verdicts);
  expect(engine.stats()).toMatchObject({
    dedupHorizon: expected.horizon,
    forgotten: expected.forgotten,
  });
}

test("random feeds are told apart as the rules say, however they are cut", async () => {
  const seeds: number[] = [];
  seeded((random) => seeds.push(...Array.from({ length: 60 }, () => random.below(2 ** 31))));
  for (const seed of seeds) {
    await compareWithRules(randomOf(seed)).catch((cause: unknown) => {
      throw new Error(`compareWithRules(randomOf(${seed})) fails: ${String(cause)}`, { cause });
    });
  }
});

test("what is older than a full table's identities does not look through them", async () => {
  const identities = 60_000;
  const limits = { identities };
  const engine = await engineOf(planOf({ emit: "none", retain: 0 }, { limits }));
  const now = Date.parse("2024-03-15T18:30:00Z");
  const msOf = async (count: number, from: number, stepMs: number): Promise<number> => {
    const events = Array.from({ length: count }, (_, index) =>
      event(`${from}/${index}`, from + Math.floor(index * stepMs)),
    );
    const text = ndjson(events);
    const start = performance.now();
    expect(await engine.push(text)).toMatchObject({ accepted: count });
    return performance.now() - start;
  };
  const filled = await msOf(identities, now, 0.05);
  const late = await msOf(identities / 10, now - 3 * 86_400_000, 1);
  expect(late).toBeLessThan(filled);
});
