// Kafka Streams, tests of sessions: KStreamSessionWindowAggregateProcessorTest (apache/kafka,
// streams/src/test/java/org/apache/kafka/streams/kstream/internals, at 8156d80), merging and
// growth; what is late, and the other tests, are in kafka-session-grace.ts. Their sessions end at
// the last event, ours a gap later. Where their test has the default grace of a day, less the gap,
// ours has a day. They remove what was merged and then put out the new session; a push of ours
// tells its changes by end and start of their windows.

import type { PublishedCase } from "./published.ts";

const GAP = 300_000;
const HALF = GAP / 2;
const session = { kind: "session", gap: GAP, grace: "1d" } as const;

export const KAFKA_SESSIONS: readonly PublishedCase[] = [
  {
    name: "two events within the gap are one session",
    source: "KStreamSessionWindowAggregateProcessorTest, single session within the gap",
    window: session,
    feed: [
      ["john", 0],
      ["john", 500],
    ],
    rows: [["john", 0, 500 + GAP, 2]],
  },
  {
    name: "an event between two sessions merges them, and both are retracted",
    source: "KStreamSessionWindowAggregateProcessorTest, merging",
    window: session,
    feed: [
      ["mel", 0],
      ["mel", GAP + 1],
      ["mel", HALF],
    ],
    told: [
      ["update", "mel", 0, GAP, 1],
      ["update", "mel", GAP + 1, 2 * GAP + 1, 1],
      ["retract", "mel", 0, GAP, 1],
      ["update", "mel", 0, 2 * GAP + 1, 3],
      ["retract", "mel", GAP + 1, 2 * GAP + 1, 1],
    ],
    rows: [["mel", 0, 2 * GAP + 1, 3]],
  },
  {
    name: "two events at one time are one session, and the second is only an update",
    source: "KStreamSessionWindowAggregateProcessorTest, the same time",
    window: session,
    feed: [
      ["mel", 0],
      ["mel", 0],
    ],
    told: [
      ["update", "mel", 0, GAP, 1],
      ["update", "mel", 0, GAP, 2],
    ],
  },
  {
    name: "events 1 ms more than the gap apart are sessions of their own",
    source: "KStreamSessionWindowAggregateProcessorTest, several sessions of one key",
    window: session,
    feed: [
      ["mel", 0],
      ["mel", GAP + 1],
      ["mel", GAP + 1],
      ["mel", 2 * GAP + 2],
      ["mel", 2 * GAP + 2],
      ["mel", 2 * GAP + 2],
    ],
    rows: [
      ["mel", 0, GAP, 1],
      ["mel", GAP + 1, 2 * GAP + 1, 2],
      ["mel", 2 * GAP + 2, 3 * GAP + 2, 3],
    ],
  },
  {
    name: "a session that grew has one row, the old one is gone",
    source: "KStreamSessionWindowAggregateProcessorTest, removal of merged sessions",
    window: session,
    feed: [
      ["a", 0],
      ["a", 100],
    ],
    told: [
      ["update", "a", 0, GAP, 1],
      ["retract", "a", 0, GAP, 1],
      ["update", "a", 0, 100 + GAP, 2],
    ],
    rows: [["a", 0, 100 + GAP, 2]],
  },
  {
    name: "the sessions of four keys grow and merge apart from one another",
    source: "KStreamSessionWindowAggregateProcessorTest, several sessions and merging",
    window: session,
    feed: [
      ["a", 0],
      ["b", 0],
      ["c", 0],
      ["d", 0],
      ["d", HALF],
      ["a", GAP + 1],
      ["b", GAP + 1],
      ["a", GAP + 1 + HALF],
      ["c", GAP + 1 + HALF],
    ],
    rows: [
      ["a", 0, GAP, 1],
      ["b", 0, GAP, 1],
      ["c", 0, GAP, 1],
      ["d", 0, HALF + GAP, 2],
      ["b", GAP + 1, 2 * GAP + 1, 1],
      ["a", GAP + 1, 2 * GAP + 1 + HALF, 2],
      ["c", GAP + 1 + HALF, 2 * GAP + 1 + HALF, 1],
    ],
  },
  {
    name: "the view has the sessions of a key side by side",
    source: "KStreamSessionWindowAggregateProcessorTest, values from the view",
    window: session,
    feed: [
      ["a", 0],
      ["a", GAP + 1],
      ["a", GAP + 1],
    ],
    rows: [
      ["a", 0, GAP, 1],
      ["a", GAP + 1, 2 * GAP + 1, 2],
    ],
  },
  {
    name: "each new session is told by the push of its first event",
    source: "KStreamSessionWindowAggregateProcessorTest, new sessions without a cache",
    window: session,
    feed: [
      ["a", 0],
      ["b", 0],
      ["c", 0],
    ],
    told: [
      ["update", "a", 0, GAP, 1],
      ["update", "b", 0, GAP, 1],
      ["update", "c", 0, GAP, 1],
    ],
  },
  {
    name: "an extended session is retracted before it is told again",
    source: "KStreamSessionWindowAggregateProcessorTest, removed sessions without a cache",
    window: session,
    feed: [
      ["a", 0],
      ["a", 5],
    ],
    told: [
      ["update", "a", 0, GAP, 1],
      ["retract", "a", 0, GAP, 1],
      ["update", "a", 0, 5 + GAP, 2],
    ],
  },
  {
    name: "an event without a key is in no session",
    source: "KStreamSessionWindowAggregateProcessorTest, skipping a null key",
    window: session,
    feed: [[null, 0]],
    told: [],
    unkeyed: 1,
  },
];
