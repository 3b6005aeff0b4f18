// Kafka Streams, tests of suppression: SuppressScenarioTest (apache/kafka, streams/src/test/java/
// org/apache/kafka/streams/kstream/internals, at 53364c5; the older one at 0990a73). What they put
// out raw are our updates and retracts, what they suppress until a window closes are our finals;
// on these scenarios the two agree (with 4.3.1 too: issue 5). Their sessions end at the last
// event, ours a gap later. Left out: limits of time, records and bytes for updates of tables that
// have no window (we fold the updates of a push instead), and joins.

import type { PublishedCase } from "./published.ts";

export const KAFKA_SUPPRESS: readonly PublishedCase[] = [
  {
    name: "windows of 2 ms with 1 ms of grace are told as they grow and once when they close",
    source: "final results for time windows",
    window: { kind: "tumbling", size: 2, grace: 1 },
    feed: [
      ["k1", 0],
      ["k1", 1],
      ["k1", 2],
      ["k1", 1],
      ["k1", 0],
      ["k1", 5],
      ["k1", 0],
    ],
    told: [
      ["update", "k1", 0, 2, 1],
      ["update", "k1", 0, 2, 2],
      ["update", "k1", 2, 4, 1],
      ["update", "k1", 0, 2, 3],
      ["update", "k1", 0, 2, 4],
      ["final", "k1", 0, 2, 4],
      ["final", "k1", 2, 4, 1],
      ["update", "k1", 4, 6, 1],
    ],
    finals: [
      ["k1", 0, 2, 4],
      ["k1", 2, 4, 1],
    ],
    late: [[6, 0, 2]],
  },
  {
    name: "a jump of the clock closes every window on its way",
    source: "final results for time windows with a large jump",
    window: { kind: "tumbling", size: 2, grace: 2 },
    feed: [
      ["k1", 0],
      ["k1", 1],
      ["k1", 2],
      ["k1", 0],
      ["k1", 3],
      ["k1", 0],
      ["k1", 4],
      ["k1", 0],
      ["k1", 30],
    ],
    told: [
      ["update", "k1", 0, 2, 1],
      ["update", "k1", 0, 2, 2],
      ["update", "k1", 2, 4, 1],
      ["update", "k1", 0, 2, 3],
      ["update", "k1", 2, 4, 2],
      ["update", "k1", 0, 2, 4],
      ["final", "k1", 0, 2, 4],
      ["update", "k1", 4, 6, 1],
      ["final", "k1", 2, 4, 2],
      ["final", "k1", 4, 6, 1],
      ["update", "k1", 30, 32, 1],
    ],
    finals: [
      ["k1", 0, 2, 4],
      ["k1", 2, 4, 2],
      ["k1", 4, 6, 1],
    ],
    late: [[7, 0, 2]],
  },
  {
    name: "a session of 5 ms grows, takes an event out of order, and closes by another key's event",
    source: "final results for session windows",
    window: { kind: "session", gap: 5, grace: 0 },
    feed: [
      ["k1", 0],
      ["k1", 5],
      ["k1", 1],
      ["k2", 11],
      ["k1", 5],
      ["k1", 30],
    ],
    told: [
      ["update", "k1", 0, 5, 1],
      ["retract", "k1", 0, 5, 1],
      ["update", "k1", 0, 10, 2],
      ["update", "k1", 0, 10, 3],
      ["final", "k1", 0, 10, 3],
      ["update", "k2", 11, 16, 1],
      ["final", "k2", 11, 16, 1],
      ["update", "k1", 30, 35, 1],
    ],
    finals: [
      ["k1", 0, 10, 3],
      ["k2", 11, 16, 1],
    ],
    late: [[4, 5, 10]],
    differs: {
      theirs: "The third event removes the session and puts it out again with the same bounds.",
      ours: "Only the update: a window that still exists is not retracted.",
      because: "A reader would see it vanish for nothing.",
    },
  },
  {
    name: "a session of 5 ms is still open 1 ms after its last event",
    source: "final results for session windows, the older test",
    window: { kind: "session", gap: 5, grace: 0 },
    feed: [
      ["k1", 0],
      ["k1", 5],
      ["k1", 1],
      ["k2", 6],
      ["k1", 5],
      ["k1", 30],
    ],
    finals: [
      ["k1", 0, 10, 4],
      ["k2", 6, 11, 1],
    ],
    differs: {
      theirs: "A session closed at its last event + grace, and the fifth event was lost.",
      ours: "It is open until the gap has passed too (as in their later versions).",
      because: "An event that would have joined the session in order joins it out of order.",
    },
  },
];
