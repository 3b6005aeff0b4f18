// Apache Flink, documentation of SQL, "Queries > Windowing TVF": the tables of TUMBLE, HOP,
// CUMULATE, SESSION and of the window's offset (apache/flink, docs/content/docs/sql/reference/
// queries/window-tvf.md at 75b9e2b). A function's table, a row for each bid and window, is a query
// here whose key is the bid's item. Their prices are decimals of two digits, ours plain numbers.
// The table's watermark of one second is a `delay` of 1s, and there is no grace.

import { SUM, type Fed, type PublishedCase, type Result } from "./published.ts";

const MINUTE = 60_000;

/** `HH:MM` of the 15th of April 2020. */
export function at(clock: string): number {
  return Date.parse(`2020-04-15T${clock}:00Z`);
}

export const BIDS: readonly Fed[] = [
  ["C", at("08:05"), 4],
  ["A", at("08:07"), 2],
  ["D", at("08:09"), 5],
  ["B", at("08:11"), 3],
  ["E", at("08:13"), 1],
  ["F", at("08:17"), 6],
];

/** The bids of the section on sessions, two of them out of order. */
const SESSION_BIDS: readonly Fed[] = [
  ["A", at("08:07"), 4],
  ["A", at("08:06"), 2],
  ["B", at("08:09"), 5],
  ["A", at("08:08"), 3],
  ["B", at("08:17"), 1],
];

/** Their tables write `start - end` and, for each of them, what is in it. */
function windowed(...lines: readonly [start: string, end: string, ...[string | null, number][]][]) {
  return lines.flatMap(([start, end, ...results]) =>
    results.map(([key, value]): Result => [key, at(start), at(end), value]),
  );
}

const common = { clock: { delay: "1s" }, aggregate: SUM } as const;
const tumble = { kind: "tumbling", size: "10m", grace: "0s" } as const;
const hop = { kind: "hopping", size: "10m", every: "5m", grace: "0s" } as const;
const cumulate = { kind: "cumulate", size: "10m", every: "2m", grace: "0s" } as const;
const session = { kind: "session", gap: "5m", grace: "0s" } as const;

const FIXED: readonly PublishedCase[] = [
  {
    name: "a tumbling window of ten minutes holds each bid once",
    source: "TUMBLE, first table",
    ...common,
    window: tumble,
    feed: BIDS,
    finals: windowed(["08:00", "08:10", ["A", 2], ["C", 4], ["D", 5]]),
    flushed: windowed(["08:10", "08:20", ["B", 3], ["E", 1], ["F", 6]]),
  },
  {
    name: "the bids of two tumbling windows sum to 11 and 10",
    source: "TUMBLE, second table",
    ...common,
    window: tumble,
    keyed: false,
    feed: BIDS,
    finals: windowed(["08:00", "08:10", [null, 11]]),
    flushed: windowed(["08:10", "08:20", [null, 10]]),
  },
  {
    name: "a hopping window of ten minutes every five holds each bid twice",
    source: "HOP, first table",
    ...common,
    window: hop,
    feed: BIDS,
    finals: windowed(
      ["08:00", "08:10", ["A", 2], ["C", 4], ["D", 5]],
      ["08:05", "08:15", ["A", 2], ["B", 3], ["C", 4], ["D", 5], ["E", 1]],
    ),
    flushed: windowed(
      ["08:10", "08:20", ["B", 3], ["E", 1], ["F", 6]],
      ["08:15", "08:25", ["F", 6]],
    ),
  },
  {
    name: "the bids of four hopping windows sum to 11, 15, 10 and 6",
    source: "HOP, second table",
    ...common,
    window: hop,
    keyed: false,
    feed: BIDS,
    finals: windowed(["08:00", "08:10", [null, 11]], ["08:05", "08:15", [null, 15]]),
    flushed: windowed(["08:10", "08:20", [null, 10]], ["08:15", "08:25", [null, 6]]),
  },
  {
    name: "a cumulate window of ten minutes holds a bid in every step from its own to the last",
    source: "CUMULATE, first table",
    ...common,
    window: cumulate,
    feed: BIDS,
    finals: windowed(
      ["08:00", "08:06", ["C", 4]],
      ["08:00", "08:08", ["A", 2], ["C", 4]],
      ["08:00", "08:10", ["A", 2], ["C", 4], ["D", 5]],
      ["08:10", "08:12", ["B", 3]],
      ["08:10", "08:14", ["B", 3], ["E", 1]],
      ["08:10", "08:16", ["B", 3], ["E", 1]],
    ),
    flushed: windowed(
      ["08:10", "08:18", ["B", 3], ["E", 1], ["F", 6]],
      ["08:10", "08:20", ["B", 3], ["E", 1], ["F", 6]],
    ),
  },
  {
    name: "the bids of eight cumulate windows sum up step by step",
    source: "CUMULATE, second table",
    ...common,
    window: cumulate,
    keyed: false,
    feed: BIDS,
    finals: windowed(
      ["08:00", "08:06", [null, 4]],
      ["08:00", "08:08", [null, 6]],
      ["08:00", "08:10", [null, 11]],
      ["08:10", "08:12", [null, 3]],
      ["08:10", "08:14", [null, 4]],
      ["08:10", "08:16", [null, 4]],
    ),
    flushed: windowed(["08:10", "08:18", [null, 10]], ["08:10", "08:20", [null, 10]]),
  },
  {
    name: "a cumulate window is final at its own time, also where its step brought nothing",
    source: "CUMULATE, third table (emitOnlyOnUpdate)",
    aggregate: SUM,
    window: cumulate,
    keyed: false,
    feed: [...BIDS, { tick: at("08:18") }, { tick: at("08:20") }],
    finals: windowed(
      ["08:00", "08:06", [null, 4]],
      ["08:00", "08:08", [null, 6]],
      ["08:00", "08:10", [null, 11]],
      ["08:10", "08:12", [null, 3]],
      ["08:10", "08:14", [null, 4]],
      ["08:10", "08:16", [null, 4]],
      ["08:10", "08:18", [null, 10]],
      ["08:10", "08:20", [null, 10]],
    ),
    flushed: [],
    differs: {
      theirs: "With emitOnlyOnUpdate they leave out [08:10, 08:16) and [08:10, 08:20).",
      ours: "Every window of an event has its one final; there is no such switch.",
      because: "Who waits for the last window of a series would wait for ever without its final.",
    },
  },
];

const SESSIONS: readonly PublishedCase[] = [
  {
    name: "sessions of five minutes per item hold bids that came out of order",
    source: "SESSION, tables with PARTITION BY",
    ...common,
    window: session,
    feed: SESSION_BIDS,
    told: [
      ["update", "A", at("08:07"), at("08:12"), 4],
      ["update", "A", at("08:06"), at("08:12"), 6],
      ["retract", "A", at("08:07"), at("08:12"), 4],
      ["update", "B", at("08:09"), at("08:14"), 5],
      ["retract", "A", at("08:06"), at("08:12"), 6],
      ["update", "A", at("08:06"), at("08:13"), 9],
      ["final", "A", at("08:06"), at("08:13"), 9],
      ["final", "B", at("08:09"), at("08:14"), 5],
      ["update", "B", at("08:17"), at("08:22"), 1],
    ],
    flushed: windowed(["08:17", "08:22", ["B", 1]]),
  },
  {
    name: "sessions of five minutes over all bids sum to 14 and 1",
    source: "SESSION, tables without PARTITION BY",
    ...common,
    window: session,
    keyed: false,
    feed: SESSION_BIDS,
    finals: windowed(["08:06", "08:14", [null, 14]]),
    flushed: windowed(["08:17", "08:22", [null, 1]]),
  },
];

const RECORD = Date.parse("2021-06-30T00:00:04Z");
const MIDNIGHT = Date.parse("2021-06-30T00:00:00Z");

/** Where the window of the one record begins, in minutes from midnight, by the offset. */
const OFFSETS: readonly (readonly [offset: string, startMinutes: number])[] = [
  ["-6m", -6],
  ["-4m", -4],
  ["0s", 0],
  ["4m", -6],
  ["6m", -4],
];

const OFFSET: readonly PublishedCase[] = [
  ...OFFSETS.map(([offset, startMinutes]): PublishedCase => {
    const start = MIDNIGHT + startMinutes * MINUTE;
    return {
      name: `an offset of ${offset} begins the window ${startMinutes} minutes from midnight`,
      source: "Window Offset, list",
      window: { ...tumble, offset },
      feed: [["k", RECORD]],
      rows: [["k", start, start + 10 * MINUTE, 1]],
    };
  }),
  ...["-16m", "16m"].map((offset): PublishedCase => {
    return {
      name: `an offset of ${offset} is refused for a window of ten minutes`,
      source: "Window Offset, list",
      window: { ...tumble, offset },
      feed: [],
      refused: "bad_offset",
      differs: {
        theirs: "They take the offset modulo the size.",
        ours: "The plan is refused: an offset is smaller than its window.",
        because: "It says nothing that a smaller one does not, so it is most likely a slip.",
      },
    };
  }),
  {
    name: "an offset of a minute moves each bid into the window that begins a minute later",
    source: "Window Offset, first table",
    ...common,
    window: { ...tumble, offset: "1m" },
    feed: BIDS,
    finals: windowed(["08:01", "08:11", ["A", 2], ["C", 4], ["D", 5]]),
    flushed: windowed(["08:11", "08:21", ["B", 3], ["E", 1], ["F", 6]]),
  },
  {
    name: "with an offset of a minute the bids sum to 11 and 10 again",
    source: "Window Offset, second table",
    ...common,
    window: { ...tumble, offset: "1m" },
    keyed: false,
    feed: BIDS,
    finals: windowed(["08:01", "08:11", [null, 11]]),
    flushed: windowed(["08:11", "08:21", [null, 10]]),
  },
];

const CLOSE: readonly PublishedCase[] = [
  {
    name: "a window is final when the clock reaches its end, not 1 ms before",
    source: "Window Functions (window_time is window_end - 1 ms) and the table's watermark",
    ...common,
    window: tumble,
    keyed: false,
    feed: [...BIDS.slice(0, 3), ["G", at("08:10") + 999, 7], ["H", at("08:10") + 1000, 8]],
    told: [
      ["update", null, at("08:00"), at("08:10"), 4],
      ["update", null, at("08:00"), at("08:10"), 6],
      ["update", null, at("08:00"), at("08:10"), 11],
      ["update", null, at("08:10"), at("08:20"), 7],
      ["final", null, at("08:00"), at("08:10"), 11],
      ["update", null, at("08:10"), at("08:20"), 15],
    ],
    differs: {
      theirs: "A watermark w promises nothing at or before w: the window fires at its end - 1 ms.",
      ours: "The clock stands at an event that was seen; another of the same ms may follow.",
      because: "Every inequality is then the same: applied while T < end + grace.",
    },
  },
];

export const FLINK_WINDOW_FUNCTIONS = [...FIXED, ...SESSIONS, ...OFFSET, ...CLOSE];
