// What reading costs as a view grows: the rows of one key, and a mirror after a push that changed
// ten rows. Beside each what it was before: all rows read and filtered, all rows put in order anew.
//
//   node bench/views.ts            the least of many rounds, in turn, in one process

import { compareUtf8 } from "../engine/event/canonical.ts";
import { Mirror, open, type Row } from "../engine/index.ts";

const SIZES = [1_000, 10_000, 100_000];
const CHANGED = 10;
const ROUNDS = 30;

const plan = {
  version: 1,
  queries: [
    {
      name: "q",
      from: ["e"],
      key: { id: "data.id" },
      window: { kind: "tumbling", size: "1h", grace: "0s" },
      aggregate: { n: { fn: "count" }, sum: { fn: "sum", of: "data.v" } },
    },
  ],
};

function event(id: string, key: number): object {
  const eventTime = "2024-03-15T18:30:00Z";
  const data = { id: `key ${key}`, v: 1.5 };
  const envelope = { eventId: id, eventType: "e", eventVersion: "1.0", eventTime };
  return { ...envelope, correlationId: id, data };
}

/** As a mirror of before had its rows: each text of a key beside its row, all sorted. */
function sortedAnew(rows: readonly { row: Row; text: string }[]): Row[] {
  const time = (a: number | null, b: number | null): number => (a ?? Infinity) - (b ?? Infinity);
  return rows
    .toSorted(
      (a, b) =>
        time(a.row.window.end, b.row.window.end) ||
        time(a.row.window.start, b.row.window.start) ||
        compareUtf8(a.text, b.text),
    )
    .map(({ row }) => row);
}

/** Least milliseconds of each, run in turn. */
function least(works: { readonly [name: string]: () => unknown }): { [name: string]: number } {
  const figures = Object.fromEntries(Object.keys(works).map((name) => [name, Infinity]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, work] of Object.entries(works)) {
      const start = performance.now();
      work();
      figures[name] = Math.min(figures[name]!, performance.now() - start);
    }
  }
  return figures;
}

const lines: string[] = ["| rows | | ms | before | |", "|---:|---|---:|---:|---:|"];
for (const size of SIZES) {
  const engine = await open({ plan });
  for (let from = 0; from < size; from += 10_000) {
    const count = Math.min(10_000, size - from);
    await engine.push(Array.from({ length: count }, (_, at) => event(`${from + at}`, from + at)));
  }
  const mirror = new Mirror(["id"]);
  const all = engine.rows("q");
  mirror.apply({ upserts: all, removals: [], clock: 0, position: 0 });
  // In the order in which they came: that of their keys in no way.
  const came = all.map((_, at) => all[(at * 7919) % size]!);
  const texts = came.map((row) => ({ row, text: JSON.stringify([row.key["id"]]) }));
  const key = { id: `key ${size >> 1}` };
  let turn = 0;
  // Rows that go and come again: new ones, whose place has to be found.
  const change = (): void => {
    const some = Array.from({ length: CHANGED }, (_, at) => all[(turn++ * 7919 + at) % size]!);
    mirror.apply({ upserts: [], removals: some, clock: 0, position: turn });
    mirror.apply({ upserts: some, removals: [], clock: 0, position: turn });
  };
  const figures = least({
    own: () => engine.rows("q", { key }),
    filtered: () => engine.rows("q").filter((row) => row.key["id"] === key.id),
    merged: () => {
      change();
      return mirror.rows();
    },
    sorted: () => {
      change();
      return sortedAnew(texts);
    },
  });
  const tell = (what: string, now: number, before: number): void => {
    const times = `${(before / now).toFixed(0)} ×`;
    const cells = [size.toLocaleString("en"), what, now.toFixed(4), before.toFixed(3), times];
    lines.push(`| ${cells.join(" | ")} |`);
  };
  tell("rows of one key", figures["own"]!, figures["filtered"]!);
  tell(`mirror, ${CHANGED} rows new`, figures["merged"]!, figures["sorted"]!);
}
process.stdout.write(`${lines.join("\n")}\n`);
