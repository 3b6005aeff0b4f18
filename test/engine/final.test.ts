// Finals: each window once, at its own instant, with everything that came in time.

import { expect, test } from "vitest";
import type { Change } from "../../engine/index.ts";
import { engineOf, event, eventsAt, planOf, queryOf, tumbling } from "../builders.ts";

const finalsOf = (changes: readonly Change[]): unknown[] =>
  changes
    .filter(({ kind }) => kind === "final")
    .map(({ window, value, position }) => [window.start, window.end, value["n"], position]);

test("Kafka's lost finals are all told, with the right counts and one late event", async () => {
  const plan = planOf({ window: tumbling(2, 2) });
  for (const cut of [1, 2, 3, 9]) {
    const engine = await engineOf(plan);
    const heard: Change[] = [];
    engine.listen((changes) => heard.push(...changes));
    const events = eventsAt([0, 1, 2, 0, 3, 0, 10, 0, 30]);
    for (let at = 0; at < events.length; at += cut) await engine.push(events.slice(at, at + cut));
    expect(finalsOf(heard)).toEqual([
      [0, 2, 4, 6],
      [2, 4, 2, 6],
      [10, 12, 1, 8],
    ]);
    expect(engine.stats().queries["q"]).toMatchObject({ applied: 8, late: 1, open: 1, rows: 4 });
    expect(engine.late("q")).toEqual([{ position: 7, window: { start: 0, end: 2 }, lateMs: 10 }]);
    expect(engine.view("q").rows().at(-1)).toMatchObject({
      window: { start: 30, end: 32 },
      final: false,
      value: { n: 1 },
    });
  }
});

test("a jump of the clock to the year 9999 makes every window final, in order", async () => {
  const queries = [
    queryOf({ name: "a", window: tumbling(10, 5) }),
    queryOf({ name: "b", window: tumbling(7, 0) }),
  ];
  const engine = await engineOf({ version: 1, clock: { delay: "1d" }, queries });
  const heard: Change[] = [];
  engine.listen((changes) => heard.push(...changes));
  const times = Array.from({ length: 50 }, (_, index) => index * 3);
  // A day behind, the clock closes nothing before it jumps.
  await engine.push([...eventsAt(times), event("far", Date.parse("9999-12-31T23:59:59.999Z"))]);
  const finals = heard.filter(({ kind }) => kind === "final");
  for (const name of ["a", "b"]) {
    const size = name === "a" ? 10 : 7;
    const own = finals.filter(({ query }) => query === name);
    const starts = [...new Set(times.map((time) => Math.floor(time / size) * size))];
    expect(own.map(({ window }) => window.start)).toEqual(starts);
    const counts = starts.map(
      (start) => times.filter((time) => time >= start && time < start + size).length,
    );
    expect(own.map(({ value }) => value["n"])).toEqual(counts);
  }
  expect(engine.stats().queries["a"]).toMatchObject({ open: 1, late: 0, applied: 51 });
});

test("a window that one push touches and closes is told once, as final", async () => {
  const engine = await engineOf(planOf());
  const heard: Change[] = [];
  engine.listen((changes) => heard.push(...changes));
  await engine.push(eventsAt([0, 1, 20]));
  expect(
    heard.map(({ kind, window, revision, position }) => [kind, window, revision, position]),
  ).toEqual([
    ["final", { start: 0, end: 10 }, 3, 2],
    ["update", { start: 20, end: 30 }, 1, 2],
  ]);
});

test("a final is told once, also when nothing touched its window since", async () => {
  const engine = await engineOf(planOf());
  const heard: Change[] = [];
  engine.listen((changes) => heard.push(...changes));
  await engine.push(event("a", 0));
  await engine.tick(9);
  await engine.tick(10);
  await engine.tick(11);
  expect(heard.map(({ kind, revision, position }) => [kind, revision, position])).toEqual([
    ["update", 1, 0],
    ["final", 2, 2],
  ]);
});

test("one push that closes 20,000 windows tells every final, with the right values", async () => {
  const key = { k: "data.k" };
  const aggregate = { n: { fn: "count" }, sum: { fn: "sum", of: "data.x" } };
  const engine = await engineOf(planOf({ key, aggregate, emit: "final" }));
  const heard: Change[] = [];
  engine.listen((changes) => heard.push(...changes));
  const events = Array.from({ length: 20_000 }, (_, k) => event(`e${k}`, 0, { k, x: k / 4 }));
  await engine.push(events);
  expect(heard).toEqual([]);
  await engine.push(event("last", 100, { k: 0, x: 0 }));
  expect(heard).toHaveLength(20_000);
  const byKey = new Map(heard.map((change) => [change.key["k"], change]));
  expect(byKey.size).toBe(20_000);
  for (let k = 0; k < 20_000; k++) {
    const change = byKey.get(k)!;
    if (change.value["sum"] !== k / 4 || change.value["n"] !== 1 || change.revision !== 2) {
      expect(change).toBe(`the final of key ${k}`);
    }
  }
  expect(engine.stats().queries["q"]).toMatchObject({ open: 1, rows: 20_001 });
});

test("all its windows are final when a push both opens and closes more than a buffer", async () => {
  const engine = await engineOf(planOf({ key: { k: "data.k" }, retain: 0 }));
  const heard: Change[] = [];
  engine.listen((changes) => heard.push(...changes));
  const keys = Array.from({ length: 15_000 }, (_, k) => `${k}`.padStart(20, "-"));
  await engine.push([...keys.map((k) => event(k, 5, { k })), event("z", 10, { k: "z" })]);
  const finals = heard.filter(({ kind }) => kind === "final");
  expect(finals.map(({ key }) => key["k"])).toEqual(keys.toSorted());
  expect(engine.view("q").rows()).toHaveLength(1);
});
