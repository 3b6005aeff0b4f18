// The bench's own machinery: what it feeds is the same for a seed, and an answer that differs from
// ours is found, so that no contender is timed for other work. What it measures is no test's.

import { expect, test } from "vitest";
import { differenceOf, type Answer } from "../../bench/answer.ts";
import { cutLines } from "../../bench/contender.ts";
import { eventBlocks, type EventKind, type EventSpec } from "../../bench/events.ts";
import { judge } from "../../bench/floors.ts";
import { spreadOf } from "../../bench/spread.ts";

const SPEC: EventSpec = {
  kind: "plain",
  events: 3000,
  keys: 1000,
  uniform: false,
  stepMs: 11,
  seed: 42,
};

function textOf(more: Partial<EventSpec> = {}): string {
  return [...eventBlocks({ ...SPEC, ...more })].join("");
}

test("a seed gives the same lines, and another seed others", () => {
  expect(textOf()).toBe(textOf());
  expect(textOf({ seed: 43 })).not.toBe(textOf());
});

test("fewer events are the first of more", () => {
  expect(textOf().startsWith(textOf({ events: 1500 }))).toBe(true);
});

test("a plain line has 307 bytes, one with items 1.2 KB", () => {
  const bytesEach = (text: string): number => Buffer.byteLength(text) / SPEC.events;
  expect(bytesEach(textOf())).toBeCloseTo(307, 0);
  expect(bytesEach(textOf({ kind: "items" })) / 1000).toBeCloseTo(1.2, 1);
});

test.each<[EventKind, (parsed: number, ids: number) => void]>([
  ["odd", (parsed, ids) => expect([parsed, ids]).toEqual([3000, 3000])],
  ["redelivered", (parsed, ids) => expect([parsed, ids]).toEqual([3000, 1500])],
  ["broken", (parsed, ids) => expect(parsed === ids && parsed > 2900 && parsed < 3000).toBe(true)],
])("%s lines are so many events", (kind, check) => {
  const lines = textOf({ kind }).trimEnd().split("\n");
  expect(lines).toHaveLength(3000);
  const parsed = lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as { eventId: string }];
    } catch {
      return [];
    }
  });
  check(parsed.length, new Set(parsed.map(({ eventId }) => eventId)).size);
});

test("chunks are whole lines of 1 MiB at most, and nothing is lost", () => {
  const bytes = new TextEncoder().encode(textOf({ events: 8000 }));
  const { chunks, events } = cutLines(bytes);
  expect(events).toBe(8000);
  expect(chunks.length).toBe(3);
  expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  for (const chunk of chunks) {
    expect(chunk.length).toBeLessThanOrEqual(1 << 20);
    expect(chunk.at(-1)).toBe(0x0a);
  }
});

const OURS: Answer = {
  events: 3,
  tables: {
    four: {
      keys: 2,
      rows: [
        ["a", 0, 2, 0.3],
        ["b", 0, 1, null],
      ],
      tolerances: [0, 1e-9],
    },
  },
};

const answer = (events: number | null, ...rows: (string | number | null)[][]): Answer => {
  return { events, tables: { four: { keys: 2, rows } } };
};

test("the same answer in another order, its sum off by its last bits, is no difference", () => {
  const theirs = answer(3, ["b", 0, 1, null], ["a", 0, 2, 0.1 + 0.2]);
  expect(differenceOf(OURS, theirs)).toBeNull();
  expect(differenceOf(OURS, { events: null, tables: {} })).toBeNull();
});

test.each([
  ["events", answer(4, ["a", 0, 2, 0.3], ["b", 0, 1, null])],
  ["a row less", answer(3, ["a", 0, 2, 0.3])],
  ["another row", answer(3, ["a", 0, 2, 0.3], ["c", 0, 1, null])],
  ["a count", answer(3, ["a", 0, 3, 0.3], ["b", 0, 1, null])],
  ["a sum", answer(3, ["a", 0, 2, 0.300001], ["b", 0, 1, null])],
  ["a null", answer(3, ["a", 0, 2, 0.3], ["b", 0, 1, 0])],
  ["a column less", answer(3, ["a", 0, 2], ["b", 0, 1])],
])("%s that differs is found", (_, theirs) => {
  expect(differenceOf(OURS, theirs)).not.toBeNull();
});

test("a floor holds at its number and not beside it", () => {
  const sections = (hopping: number) => {
    const of = (label: string, ms: number) => {
      const host = "node" as const;
      return { label, host, events: 1, ms: spreadOf([ms]), figures: {}, problem: null };
    };
    const measured = [of("millrace, hopping", hopping), of("millrace, tumbling", 2)];
    return [{ id: "d.node", title: "", ofFigures: false, measured }];
  };
  const held = (hopping: number): boolean | null => {
    return judge(sections(hopping)).find(({ text }) => text.startsWith("(d)"))!.holds;
  };
  expect([held(3), held(3.01)]).toEqual([true, false]);
  expect(judge([]).every(({ holds }) => holds === null)).toBe(true);
});

test("the median of an even number of rounds lies between the middle two", () => {
  expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4, count: 4 });
});
