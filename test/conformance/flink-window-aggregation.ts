// Apache Flink, documentation of SQL, "Queries > Window Aggregation" (apache/flink, docs/content/
// docs/sql/reference/queries/window-agg.md at 9e81e95) and "Window Deduplication" (window-
// deduplication.md at 47a02f6). The sums over TUMBLE, HOP and CUMULATE are those of the page on the
// functions (flink-window-functions.ts); here are those that only these pages have. Left out:
// ROLLUP and CUBE (more queries of the same kind) and windows over windows, which we have not.

import { at, BIDS } from "./flink-window-functions.ts";
import { SUM, type Fed, type PublishedCase } from "./published.ts";

/** The bids with their suppliers in the place of their items. */
const SUPPLIED: readonly Fed[] = [
  ["supplier1", at("08:05"), 4],
  ["supplier1", at("08:07"), 2],
  ["supplier2", at("08:09"), 5],
  ["supplier2", at("08:11"), 3],
  ["supplier1", at("08:13"), 1],
  ["supplier2", at("08:17"), 6],
];

const common = { clock: { delay: "1s" }, aggregate: SUM } as const;
const tumble = { kind: "tumbling", size: "10m", grace: "0s" } as const;
const session = { kind: "session", gap: "2m", grace: "0s" } as const;

export const FLINK_WINDOW_AGGREGATION: readonly PublishedCase[] = [
  {
    name: "sessions of two minutes per supplier join bids that are exactly two minutes apart",
    source: "Windowing TVFs, session with partition keys",
    ...common,
    window: session,
    feed: SUPPLIED,
    finals: [
      ["supplier1", at("08:05"), at("08:09"), 6],
      ["supplier2", at("08:09"), at("08:13"), 8],
      ["supplier1", at("08:13"), at("08:15"), 1],
    ],
    flushed: [["supplier2", at("08:17"), at("08:19"), 6]],
  },
  {
    name: "one session of bids that are exactly two minutes apart goes on until one is missing",
    source: "Windowing TVFs, session without partition keys",
    ...common,
    window: session,
    keyed: false,
    feed: SUPPLIED,
    finals: [[null, at("08:05"), at("08:15"), 15]],
    flushed: [[null, at("08:17"), at("08:19"), 6]],
  },
  {
    name: "a session is open while the clock stands at its end, and final 1 ms later",
    source: "Windowing TVFs, session without partition keys",
    aggregate: SUM,
    window: session,
    keyed: false,
    feed: [
      ["G", at("08:05"), 4],
      { tick: at("08:07") },
      ["A", at("08:07"), 2],
      { tick: at("08:09") },
      { tick: at("08:09") + 1 },
    ],
    told: [
      ["update", null, at("08:05"), at("08:07"), 4],
      ["retract", null, at("08:05"), at("08:07"), 4],
      ["update", null, at("08:05"), at("08:09"), 6],
      ["final", null, at("08:05"), at("08:09"), 6],
    ],
    differs: {
      theirs:
        "Two bids a gap apart are joined, but a watermark at the end - 1 ms has fired already.",
      ours: "What would still join it finds it open: final when T passes the end.",
      because: "Two bids a gap apart are one session whatever ticks come between them.",
    },
  },
  {
    name: "the grouping set of suppliers is a query with a key",
    source: "GROUPING SETS, rows with a supplier",
    ...common,
    window: tumble,
    feed: SUPPLIED,
    finals: [
      ["supplier1", at("08:00"), at("08:10"), 6],
      ["supplier2", at("08:00"), at("08:10"), 5],
    ],
    flushed: [
      ["supplier1", at("08:10"), at("08:20"), 1],
      ["supplier2", at("08:10"), at("08:20"), 9],
    ],
  },
  {
    name: "the empty grouping set is a query without a key",
    source: "GROUPING SETS, rows without a supplier",
    ...common,
    window: tumble,
    keyed: false,
    feed: SUPPLIED,
    finals: [[null, at("08:00"), at("08:10"), 11]],
    flushed: [[null, at("08:10"), at("08:20"), 10]],
    differs: {
      theirs: "An empty grouping set is put out also where no row was.",
      ours: "A window begins with its first event, and no event is no window.",
      because: "Else a night of silence would be a row for every window of every query.",
    },
  },
  {
    name: "the last bid of each window is a `last` of its members",
    source: "Window Deduplication, example",
    clock: { delay: "1s" },
    window: tumble,
    keyed: false,
    aggregate: {
      bidtime: { fn: "last", of: "eventTime" },
      price: { fn: "last", of: "data.v" },
      item: { fn: "last", of: "data.k" },
    },
    feed: BIDS,
    finals: [[null, at("08:00"), at("08:10"), at("08:09"), 5, "D"]],
    flushed: [[null, at("08:10"), at("08:20"), at("08:17"), 6, "F"]],
  },
];
