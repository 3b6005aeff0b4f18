// Kafka Streams, developer guide, "Streams DSL > Windowing" (apache/kafka, docs/streams/developer-
// guide/dsl-api.md at f9b77f0): its examples in prose and pictures.

import type { Fed, PublishedCase } from "./published.ts";

const MINUTE = 60_000;

/** Green and blue at the minutes of the two pictures; the fourth and fifth are out of order. */
const SESSION_FEED: readonly Fed[] = [
  ["green", 0],
  ["blue", 2 * MINUTE],
  ["green", 6 * MINUTE],
  ["green", 4 * MINUTE],
  ["blue", 5 * MINUTE],
  ["blue", 11 * MINUTE],
];

/** `HH:MM` of some day. */
const at = (clock: string): number => Date.parse(`2024-03-15T${clock}:00Z`);
const user = (...clocks: string[]): Fed[] => clocks.map((clock) => ["U", at(clock)]);

export const KAFKA_GUIDE: readonly PublishedCase[] = [
  {
    name: "hopping windows of 5000 ms every 3000 begin at multiples of 3000",
    source: "Hopping time windows",
    window: { kind: "hopping", size: 5000, every: 3000, grace: "1m" },
    feed: [
      ["k", 3000],
      ["k", 4999],
      ["k", 5000],
      ["k", 7999],
      ["k", 8000],
    ],
    rows: [
      ["k", 0, 5000, 2],
      ["k", 3000, 8000, 4],
      ["k", 6000, 11_000, 2],
    ],
  },
  {
    name: "tumbling windows of 5000 ms begin at multiples of 5000, their ends outside",
    source: "Tumbling time windows",
    window: { kind: "tumbling", size: 5000, grace: "1m" },
    feed: [
      ["k", 0],
      ["k", 4999],
      ["k", 5000],
      ["k", 9999],
    ],
    rows: [
      ["k", 0, 5000, 2],
      ["k", 5000, 10_000, 2],
    ],
  },
  {
    name: "a tumbling window is a hopping one that advances by its size",
    source: "Tumbling time windows",
    window: { kind: "hopping", size: 5000, every: 5000, grace: "1m" },
    feed: [
      ["k", 0],
      ["k", 4999],
      ["k", 5000],
      ["k", 9999],
    ],
    rows: [
      ["k", 0, 5000, 2],
      ["k", 5000, 10_000, 2],
    ],
  },
  {
    name: "events out of order merge two sessions and extend a third",
    source: "Session Windows, both pictures, with a grace",
    window: { kind: "session", gap: "5m", grace: "5m" },
    feed: SESSION_FEED,
    told: [
      ["update", "green", 0, 5 * MINUTE, 1],
      ["update", "blue", 2 * MINUTE, 7 * MINUTE, 1],
      ["update", "green", 6 * MINUTE, 11 * MINUTE, 1],
      ["retract", "green", 0, 5 * MINUTE, 1],
      ["update", "green", 0, 11 * MINUTE, 3],
      ["retract", "green", 6 * MINUTE, 11 * MINUTE, 1],
      ["retract", "blue", 2 * MINUTE, 7 * MINUTE, 1],
      ["update", "blue", 2 * MINUTE, 10 * MINUTE, 2],
      ["update", "blue", 11 * MINUTE, 16 * MINUTE, 1],
    ],
    rows: [
      ["blue", 2 * MINUTE, 10 * MINUTE, 2],
      ["green", 0, 11 * MINUTE, 3],
      ["blue", 11 * MINUTE, 16 * MINUTE, 1],
    ],
  },
  {
    name: "without a grace a session that is final is merged with no other",
    source: "Session Windows, both pictures, without a grace as in their code",
    window: { kind: "session", gap: "5m", grace: "0s" },
    feed: SESSION_FEED,
    finals: [
      ["green", 0, 5 * MINUTE, 1],
      ["blue", 2 * MINUTE, 10 * MINUTE, 2],
    ],
    flushed: [
      ["green", 6 * MINUTE, 11 * MINUTE, 1],
      ["blue", 11 * MINUTE, 16 * MINUTE, 1],
    ],
    late: [[3, 4 * MINUTE, 11 * MINUTE]],
    differs: {
      theirs: "Green's event at 4 merges the closed session at 0 with the open one at 6.",
      ours: "It is late: the session at 0 was told as final, and a final does not change.",
      because: "With finals only, the event at 0 would be counted in two of them.",
    },
  },
  {
    name: "an hour with ten minutes of grace is told once, at ten past",
    source: "Window Final Results",
    window: { kind: "tumbling", size: "1h", grace: "10m" },
    feed: [
      ...user("09:00", "09:05", "09:10", "09:20", "09:30", "09:40", "09:50", "09:59"),
      { tick: at("10:05") },
      ...user("09:15"),
      { tick: at("10:10") - 1 },
      ...user("09:45"),
      { tick: at("10:10") },
      ...user("09:55"),
    ],
    finals: [["U", at("09:00"), at("10:00"), 10]],
    late: [[13, at("09:00"), at("10:00")]],
  },
];
