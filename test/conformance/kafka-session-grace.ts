// Kafka Streams, tests of sessions and what is late for them: KStreamSessionWindowAggregate-
// ProcessorTest (apache/kafka, streams/src/test/java/org/apache/kafka/streams/kstream/internals, at
// 8156d80), SessionWindowedKStreamImplTest (there, at 23a0140), KStreamAggregationIntegrationTest
// (streams/integration-tests, at ed89450), and what 4.3.1 was found to do (issue 5). A session is
// open for both until its last event + gap + grace has passed.

import { COUNT_AND_SUM, type Fed, type PublishedCase } from "./published.ts";

const GRACE: readonly PublishedCase[] = [
  {
    name: "an event alone is late 1 ms after its session would have ended",
    source: "KStreamSessionWindowAggregateProcessorTest, a late record with zero grace",
    window: { kind: "session", gap: 10, grace: 0 },
    feed: [
      ["dummy", 0],
      ["OnTime1", 0],
      ["dummy", 11],
      ["Late1", 0],
    ],
    finals: [
      ["OnTime1", 0, 10, 1],
      ["dummy", 0, 10, 1],
    ],
    rows: [
      ["OnTime1", 0, 10, 1],
      ["dummy", 0, 10, 1],
      ["dummy", 11, 21, 1],
    ],
    late: [[3, 0, 10]],
  },
  {
    name: "an event alone is on time while the clock stands at the end of its session",
    source: "KStreamSessionWindowAggregateProcessorTest, a late record with zero grace",
    window: { kind: "session", gap: 10, grace: 0 },
    feed: [
      ["dummy", 0],
      ["dummy", 10],
      ["OnTime1", 0],
    ],
    finals: [],
    rows: [
      ["OnTime1", 0, 10, 1],
      ["dummy", 0, 20, 2],
    ],
  },
  {
    name: "1 ms of grace keeps sessions open 1 ms longer",
    source: "KStreamSessionWindowAggregateProcessorTest, a late record with nonzero grace",
    window: { kind: "session", gap: 10, grace: 1 },
    feed: [
      ["dummy", 0],
      ["OnTime1", 0],
      ["dummy", 11],
      ["OnTime2", 0],
      ["dummy", 12],
      ["Late1", 0],
    ],
    finals: [
      ["OnTime1", 0, 10, 1],
      ["OnTime2", 0, 10, 1],
      ["dummy", 0, 10, 1],
    ],
    rows: [
      ["OnTime1", 0, 10, 1],
      ["OnTime2", 0, 10, 1],
      ["dummy", 0, 10, 1],
      ["dummy", 11, 22, 2],
    ],
    late: [[5, 0, 10]],
  },
  {
    name: "an event within the gap of a final session is late, and opens no second one",
    source: "behaviour of 4.3.1, as issue 5 has it",
    window: { kind: "session", gap: 10, grace: 0 },
    feed: [
      ["k", 0],
      ["other", 11],
      ["k", 9],
      ["k", 10],
      ["k", 11],
    ],
    told: [
      ["update", "k", 0, 10, 1],
      ["final", "k", 0, 10, 1],
      ["update", "other", 11, 21, 1],
      ["update", "k", 11, 21, 1],
    ],
    late: [
      [2, 9, 19],
      [3, 10, 20],
    ],
    differs: {
      theirs: "A second session is opened within the gap of one that was closed.",
      ours: "What comes at or before the end of the key's newest final session is late.",
      because: "Finals of one key are then always more than the gap apart, and never overlap.",
    },
  },
];

const T1 = 1000;
const T2 = 1500;
const T3 = 2001;
const T4 = 2501;

/** Four people whose sessions start, pause and resume; jo's last word comes out of order. */
const PEOPLE: readonly Fed[] = [
  ["bob", T1, "start"],
  ["penny", T1, "start"],
  ["jo", T1, "pause"],
  ["emily", T1, "pause"],
  ["emily", T2, "resume"],
  ["bob", T3, "pause"],
  ["penny", T3, "stop"],
  ["bob", T4, "resume"],
  ["jo", T4, "resume"],
  ["jo", T4 - 1, "late"],
];

const INTEGRATION: readonly PublishedCase[] = [
  {
    name: "sessions of 500 ms count and sum per key",
    source: "SessionWindowedKStreamImplTest, count, reduce and aggregate",
    window: { kind: "session", gap: 500, grace: "1d" },
    aggregate: COUNT_AND_SUM,
    feed: [
      ["1", 10, 1],
      ["1", 15, 2],
      ["1", 600, 3],
      ["2", 600, 1],
    ],
    rows: [
      ["1", 10, 515, 2, 3],
      ["1", 600, 1100, 1, 3],
      ["2", 600, 1100, 1, 1],
    ],
  },
  {
    name: "a second without a word ends a person's session, and a late word still joins the next",
    source: "KStreamAggregationIntegrationTest, counting sessions",
    window: { kind: "session", gap: 1000, grace: 0 },
    feed: PEOPLE,
    finals: [
      ["bob", T1, T1 + 1000, 1],
      ["jo", T1, T1 + 1000, 1],
      ["penny", T1, T1 + 1000, 1],
      ["emily", T1, T2 + 1000, 2],
    ],
    flushed: [
      ["penny", T3, T3 + 1000, 1],
      ["bob", T3, T4 + 1000, 2],
      ["jo", T4 - 1, T4 + 1000, 2],
    ],
  },
  {
    name: "the words of a session stand in event-time order",
    source: "KStreamAggregationIntegrationTest, reducing sessions",
    window: { kind: "session", gap: 1000, grace: "1m" },
    aggregate: { first: { fn: "first", of: "data.v" }, last: { fn: "last", of: "data.v" } },
    feed: PEOPLE,
    rows: [
      ["bob", T1, T1 + 1000, "start", "start"],
      ["jo", T1, T1 + 1000, "pause", "pause"],
      ["penny", T1, T1 + 1000, "start", "start"],
      ["emily", T1, T2 + 1000, "pause", "resume"],
      ["penny", T3, T3 + 1000, "stop", "stop"],
      ["bob", T3, T4 + 1000, "pause", "resume"],
      ["jo", T4 - 1, T4 + 1000, "late", "resume"],
    ],
    differs: {
      theirs: 'A reducer sees values as they arrive: jo\'s are "resume", then "late".',
      ours: '`first` and `last` go by event time: "late" is the first, "resume" the last.',
      because: "A result that does not depend on the order of arrival can be replayed and merged.",
    },
  },
];

export const KAFKA_SESSION_GRACE = [...GRACE, ...INTEGRATION];
