// Kafka Streams, emission when a window closes: TimeWindowedKStreamIntegrationTest (apache/kafka,
// streams/integration-tests/src/test/java/org/apache/kafka/streams/integration, at 53364c5), and
// what 4.3.1 was found to do (issue 5). What they expect "on window update" are our updates, "on
// window close" our finals, but for those that theirs lose: after a jump they look only at windows
// that their store still keeps, so one that closes early in the jump is never put out. Where they
// join the values as text, we count and sum them. In the case of the restart the values that come
// out of their join are the events.

import { COUNT_AND_SUM, type Fed, type PublishedCase } from "./published.ts";

const hop = { kind: "hopping", size: 10, every: 5 } as const;

const FEED: readonly Fed[] = [
  ["A", 0, 1],
  ["A", 5, 2],
  ["A", 10, 3],
  ["B", 6, 4],
  ["B", 11, 5],
  ["B", 15, 6],
  ["C", 25, 7],
];

const HOPPING: readonly PublishedCase[] = [
  {
    name: "hopping windows without grace have their finals, also those that a jump closes",
    source: "TimeWindowedKStreamIntegrationTest, aggregation without grace",
    window: { ...hop, grace: 0 },
    aggregate: COUNT_AND_SUM,
    feed: FEED,
    told: [
      ["update", "A", -5, 5, 1, 1],
      ["update", "A", 0, 10, 1, 1],
      ["final", "A", -5, 5, 1, 1],
      ["update", "A", 0, 10, 2, 3],
      ["update", "A", 5, 15, 1, 2],
      ["final", "A", 0, 10, 2, 3],
      ["update", "A", 5, 15, 2, 5],
      ["update", "A", 10, 20, 1, 3],
      ["update", "B", 5, 15, 1, 4],
      ["update", "B", 5, 15, 2, 9],
      ["update", "B", 10, 20, 1, 5],
      ["final", "A", 5, 15, 2, 5],
      ["final", "B", 5, 15, 2, 9],
      ["update", "B", 10, 20, 2, 11],
      ["update", "B", 15, 25, 1, 6],
      ["final", "A", 10, 20, 1, 3],
      ["final", "B", 10, 20, 2, 11],
      ["final", "B", 15, 25, 1, 6],
      ["update", "C", 20, 30, 1, 7],
      ["update", "C", 25, 35, 1, 7],
    ],
    late: [[3, 0, 10]],
    differs: {
      theirs: "From 15 to 25 the finals of [10, 20), A's and B's, are lost; no window before 1970.",
      ours: "They are told, at their own time, before those of [15, 25).",
      because: "A window is final once, however far the clock jumped.",
    },
  },
  {
    name: "hopping windows with 5 ms of grace have their finals, also those that a jump closes",
    source: "TimeWindowedKStreamIntegrationTest, aggregation with grace",
    window: { ...hop, grace: 5 },
    aggregate: COUNT_AND_SUM,
    feed: FEED,
    told: [
      ["update", "A", -5, 5, 1, 1],
      ["update", "A", 0, 10, 1, 1],
      ["update", "A", 0, 10, 2, 3],
      ["update", "A", 5, 15, 1, 2],
      ["final", "A", -5, 5, 1, 1],
      ["update", "A", 5, 15, 2, 5],
      ["update", "A", 10, 20, 1, 3],
      ["update", "B", 0, 10, 1, 4],
      ["update", "B", 5, 15, 1, 4],
      ["update", "B", 5, 15, 2, 9],
      ["update", "B", 10, 20, 1, 5],
      ["final", "A", 0, 10, 2, 3],
      ["final", "B", 0, 10, 1, 4],
      ["update", "B", 10, 20, 2, 11],
      ["update", "B", 15, 25, 1, 6],
      ["final", "A", 5, 15, 2, 5],
      ["final", "B", 5, 15, 2, 9],
      ["final", "A", 10, 20, 1, 3],
      ["final", "B", 10, 20, 2, 11],
      ["update", "C", 20, 30, 1, 7],
      ["update", "C", 25, 35, 1, 7],
    ],
    flushed: [
      ["B", 15, 25, 1, 6],
      ["C", 20, 30, 1, 7],
      ["C", 25, 35, 1, 7],
    ],
    differs: {
      theirs: "From 15 to 25 the finals of [5, 15), A's and B's, are lost; no window before 1970.",
      ours: "They are told, at their own time, before those of [10, 20).",
      because: "A window is final once, however far the clock jumped.",
    },
  },
  {
    name: "an engine opened again from its log tells what is still due",
    source: "TimeWindowedKStreamIntegrationTest, restoration after a restart",
    window: { ...hop, grace: 0 },
    feed: [
      ["A", 0],
      ["A", 5],
      ["B", 11],
      ["B", 15],
      ["C", 25],
      ["C", 35],
    ],
    reopenAt: 5,
    finals: [
      ["A", -5, 5, 1],
      ["A", 0, 10, 2],
      ["A", 5, 15, 1],
      ["B", 5, 15, 1],
      ["B", 10, 20, 2],
      ["B", 15, 25, 1],
      ["C", 20, 30, 1],
      ["C", 25, 35, 1],
    ],
    flushed: [
      ["C", 30, 40, 1],
      ["C", 35, 45, 1],
    ],
    differs: {
      theirs: "[10, 20) is lost before the restart and [20, 30) after it.",
      ours: "Every window that closed has its final, once, before or after.",
      because: "A window is final once, however far the clock jumped.",
    },
  },
];

const evening = (clock: string): number => Date.parse(`2024-03-15T${clock}:00Z`);
const morning = Date.parse("2024-03-16T11:00:00Z");

const JUMPS: readonly PublishedCase[] = [
  {
    name: "the last window of an evening is final when the next morning begins",
    source: "emit-on-close of 4.3.1, as issue 5 has it",
    window: { kind: "tumbling", size: "15m", grace: "1m" },
    feed: [
      ["R", evening("22:40")],
      ["R", evening("22:50")],
      ["R", evening("22:55")],
      ["R", morning],
    ],
    told: [
      ["update", "R", evening("22:30"), evening("22:45"), 1],
      ["final", "R", evening("22:30"), evening("22:45"), 1],
      ["update", "R", evening("22:45"), evening("23:00"), 1],
      ["update", "R", evening("22:45"), evening("23:00"), 2],
      ["final", "R", evening("22:45"), evening("23:00"), 2],
      ["update", "R", morning, morning + 900_000, 1],
    ],
    differs: {
      theirs: "The final of the evening's last window is never put out.",
      ours: "It is told in the push that passes it, before what the morning's event changes.",
      because: "A night of silence ends with every result of the evening.",
    },
  },
  {
    name: "a tick ends the evening without waiting for the morning",
    source: "emit-on-close of 4.3.1, as issue 5 has it",
    window: { kind: "tumbling", size: "15m", grace: "1m" },
    feed: [["R", evening("22:50")], { tick: evening("23:01") - 1 }, { tick: evening("23:01") }],
    told: [
      ["update", "R", evening("22:45"), evening("23:00"), 1],
      ["final", "R", evening("22:45"), evening("23:00"), 1],
    ],
    differs: {
      theirs: "Time moves by events alone: nothing is final before the next one.",
      ours: "Time that passes without events is an entry of the log.",
      because: "A result that is due is not held back until somebody orders again.",
    },
  },
];

const YEAR_9999 = Date.parse("9999-12-31T23:59:59Z");
const NOW = evening("20:00");

const FUTURE: readonly PublishedCase[] = [
  {
    name: "an event of the year 9999 is held back and makes nobody else late",
    source: "behaviour of 4.3.1, as issue 5 has it",
    window: { kind: "tumbling", size: "15m", grace: "1m" },
    feed: [
      ["R", NOW],
      ["R", YEAR_9999],
      ["R", NOW + 1000],
    ],
    receivedAt: [NOW, NOW + 500, NOW + 1000],
    told: [
      ["update", "R", NOW, NOW + 900_000, 1],
      ["update", "R", NOW, NOW + 900_000, 2],
    ],
    held: { 1: "event_time_in_future" },
    differs: {
      theirs: "The event moves the time of the stream, and every later event is dropped.",
      ours: "It is quarantined, listed, can be released, and never moves the clock.",
      because: "One wrong clock must not end the day of a restaurant.",
    },
  },
  {
    name: "without receive times what comes after the year 9999 is held back, not dropped",
    source: "behaviour of 4.3.1, as issue 5 has it",
    window: { kind: "tumbling", size: "15m", grace: "1m" },
    feed: [
      ["R", NOW],
      ["R", YEAR_9999],
      ["R", NOW + 1000],
    ],
    finals: [["R", NOW, NOW + 900_000, 1]],
    held: { 2: "event_time_too_old" },
    differs: {
      theirs: "Every later event is dropped, with a line in a log of messages.",
      ours: "A recording has no guard, so the clock jumps; the events after it are quarantined.",
      because: "They may be duplicates and nobody can tell; released, `reprocess` brings them in.",
    },
  },
];

export const KAFKA_EMIT_ON_CLOSE = [...HOPPING, ...JUMPS, ...FUTURE];
