// The swap of a large view: what will be told is put together in steps, counted in rows, between
// which the former plan answers; who begins to listen meanwhile hears the swap, too.

import { expect, test } from "vitest";
import { memory, Mirror, type Change } from "../../engine/index.ts";
import { openAt } from "../../engine/open.ts";
import { engineOf, event, queryOf, tumbling } from "../builders.ts";
import { Slices } from "./slices.ts";

const ROWS = 2500;
const EVENTS = Array.from({ length: ROWS }, (_, k) => event(`e${k}`, k % 40, { k, x: 2 }));
const MORE = event("more", 41, { k: 1, x: 2 });

function keyed(size: number) {
  const query = { key: { k: "data.k" }, window: tumbling(size, 40) };
  return { version: 1, queries: [queryOf(query), queryOf({ ...query, name: "heard" })] };
}

test("a swap goes in steps of a thousand rows, and tells who listens when it comes", async () => {
  const store = memory();
  await engineOf(keyed(10), [EVENTS], { store });
  const slices = new Slices(10_000);
  const engine = await openAt(slices, { plan: keyed(20), store });
  const listen = (query: string): Change[] => {
    const changes: Change[] = [];
    engine.subscribe(query, (told) => changes.push(...told));
    return changes;
  };
  const follow = (query: string): Mirror => {
    const mirror = new Mirror(["k"]);
    const { clock, position } = engine.stats();
    mirror.apply({ upserts: engine.rows(query), removals: [], clock, position });
    engine.onRows(query, (delta) => mirror.apply(delta));
    return mirror;
  };
  const heard = listen("heard");
  // What the push tells is handed out a buffer at a time, heard or not.
  while (slices.pieces.at(-1) !== ROWS) await slices.one();
  expect(slices.pieces.length).toBeGreaterThan(1);
  await slices.one();
  const pushed = engine.push(MORE);
  let late: Change[] = [];
  const mirrors: Mirror[] = [];
  const steps: number[] = [];
  while (engine.stats().rebuild! < 1) {
    steps.push(slices.pieces.at(-1)!);
    const { window } = engine.rows("q").at(-1)!;
    expect(window).toEqual({ start: 30, end: 40 });
    // `q` has had its turn already, unheard.
    if (steps.length === 3) late = listen("q");
    if (steps.length === 4) mirrors.push(follow("heard"));
    if (steps.length === 40) mirrors.push(follow("q"));
    await slices.one();
  }
  // Both views are read, compared, and put in order: named, runs of a thousand, merged twice. Of what
  // is heard that becomes changes. Then the mirror goes through both.
  const read = Array.from({ length: 10 }, () => 500);
  const compared = Array.from({ length: 4 }, () => 1000);
  const ordered = [1000, 1000, 1000, 1000, 500, 1000, 1000, 1000, 1000];
  const told = Array.from({ length: 5 }, () => 1000);
  const [both, each] = [
    [...read, ...compared],
    [...ordered, ...ordered],
  ];
  expect(steps).toEqual([...both, ...each, ...told, ...both, ...each]);
  expect(await pushed).toMatchObject({ accepted: 1, position: ROWS + 1 });
  const rows = (await engineOf(keyed(20), [EVENTS, MORE])).rows("q");
  expect(engine.rows("q")).toEqual(rows);
  expect(mirrors[1]!.rows()).toEqual(rows);
  expect(mirrors[0]!.rows()).toEqual(engine.rows("heard"));
  for (const changes of [heard, late]) {
    const kinds = changes.map(({ kind }) => kind);
    // The last is the push's own.
    expect(kinds.filter((kind) => kind === "retract")).toHaveLength(ROWS);
    expect(kinds.filter((kind) => kind === "update")).toHaveLength(ROWS + 1);
  }
});
