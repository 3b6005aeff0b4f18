// Mistakes in windows, sessions, spans, tables and dedup.

import { mistakesIn, type Part } from "./mistake.ts";

const GRACE = "load<i64>(query, QUERY_GRACE)";

const window: Part = [
  "window",
  [
    ...mistakesIn(
      "pane.ts",
      ["an event at end + grace is on time", `clock >= end + ${GRACE}`, `clock > end + ${GRACE}`],
      [
        "a window closes without its grace",
        `addTimer(end + ${GRACE}, TIMER_CLOSE_PANE`,
        "addTimer(end, TIMER_CLOSE_PANE",
      ],
      [
        "the offset has the wrong sign",
        "floorDiv(time - offset, size)",
        "floorDiv(time + offset, size)",
      ],
      [
        "rows are retained from the end, not from end + grace",
        `const due = paneEnd(pane) + ${GRACE} +`,
        "const due = paneEnd(pane) +",
      ],
    ),
    ...mistakesIn(
      "slice.ts",
      ["a window is open at end + grace", "if (behind < 0) return;", "if (behind <= 0) return;"],
      ["an event on the cut goes into the slice before", "if (time >= cut)", "if (time > cut)"],
      [
        "a window takes the slice that begins at its end",
        "if (startOf(slice) >= end) break;",
        "if (startOf(slice) > end) break;",
      ],
      [
        "the cut of a slice is the quotient",
        "base + size(query) % step",
        "base + size(query) / step",
      ],
      [
        "slices are freed while later windows hold them",
        "key, start + every(query));",
        "key, start + size(query));",
      ],
    ),
    ...mistakesIn("window.ts", [
      "hopping windows go into panes",
      "if (kind < <u32>WINDOW_HOPPING)",
      "if (kind <= <u32>WINDOW_HOPPING)",
    ]),
  ],
];

const session: Part = [
  "session",
  mistakesIn(
    "session.ts",
    ["exactly gap after a session opens another", "endOf(last) >= time", "endOf(last) > time"],
    [
      "exactly gap before a session opens another",
      "startOf(next) <= time + gap",
      "startOf(next) < time + gap",
    ],
    [
      "an event at the end of a final session is on time",
      "load<i64>(known, KEY_END) >= time",
      "load<i64>(known, KEY_END) > time",
    ],
    [
      "an event at end + grace is late",
      "if (clock > end + grace ||",
      "if (clock >= end + grace ||",
    ],
    [
      "an extended session closes 1 ms early",
      "queryOf(keyOf(session))), QUERY_GRACE) + 1;",
      "queryOf(keyOf(session))), QUERY_GRACE);",
    ],
    [
      "a session closes without its grace",
      "queryOf(keyOf(session))), QUERY_GRACE) + 1;",
      "queryOf(keyOf(session))), QUERY_GRACE) * 0 + 1;",
    ],
    [
      "an event within a session makes it shorter",
      "if (before) end = max(end, endOf(before));",
      "if (before) end = min(end, endOf(before));",
    ],
    [
      "the oldest final end is kept, not the newest",
      "kept >= end) return;",
      "kept <= end) return;",
    ],
    [
      "final ends are forgotten without dedup",
      "const due = end + load<i64>(PROGRAM, PROGRAM_DEDUP) + 1;",
      "const due = end + 1;",
    ],
    [
      "a longer session is not retracted",
      "startOf(session) != start || endOf",
      "startOf(session) != start && endOf",
    ],
  ),
];

const span: Part = [
  "span",
  mistakesIn(
    "span.ts",
    ["a fact at its instant is late", "if (clock > due) {", "if (clock >= due) {"],
    [
      "`early` makes a `to` stand earlier",
      "? time + load<i64>(query, QUERY_EARLY)",
      "? time - load<i64>(query, QUERY_EARLY)",
    ],
    [
      "facts do not wait",
      "const due = stands + load<i64>(query, QUERY_WAIT);",
      "const due = stands;",
    ],
    ["a span expires 1 ms late", "addTimer(instant, TIMER", "addTimer(instant + 1, TIMER"],
    [
      "a span expires without `wait`",
      "load<i64>(query, QUERY_EARLY) +\n    load<i64>(query, QUERY_WAIT);",
      "load<i64>(query, QUERY_EARLY);",
    ],
    [
      "an expired span stands at its start",
      "const time = since + load<i64>(query, QUERY_WITHIN);",
      "const time = since;",
    ],
    [
      "a completed span stands at its start",
      "since, time, time, position);",
      "since, time, since, position);",
    ],
    [
      "a completed span is told as expired",
      "tellSpan(thing, tuple, since",
      "tellSpan(thing, 0, since",
    ],
    ["a null `on` is a thing", "tagAt(on) == TAG_NULL || tagAt", "tagAt(on) == TAG_NULL && tagAt"],
    [
      "of two facts at one instant the side does not decide",
      "TIMER_FACT, index, side,",
      "TIMER_FACT, index, 0,",
    ],
  ),
];

const table: Part = [
  "table",
  [
    ...mistakesIn(
      "table.ts",
      [
        "of two versions at one time the earlier position wins",
        "while (older && load<i64>(older, VERSION_TIME) > time)",
        "while (older && load<i64>(older, VERSION_TIME) >= time)",
      ],
      [
        "a version at the event's own time is not found",
        "while (version && load<i64>(version, VERSION_TIME) > time)",
        "while (version && load<i64>(version, VERSION_TIME) >= time)",
      ],
      [
        "a version is found though a later one is at T - history",
        "VERSION_TIME) <= limit) return 0;",
        "VERSION_TIME) < limit) return 0;",
      ],
      [
        "versions are freed behind the newest",
        "while (version && load<i64>(version, VERSION_TIME) > limit)",
        "while (version && load<i64>(version, VERSION_TIME) < limit)",
      ],
      [
        "versions are freed a history too early",
        "load<i64>(S_CLOCK) - load<i64>(table, TABLE_HISTORY)",
        "load<i64>(S_CLOCK) + load<i64>(table, TABLE_HISTORY)",
      ],
      [
        "lookups forget the history",
        "const limit = load<i64>(S_CLOCK) - load<i64>(tableProgram(index), TABLE_HISTORY);",
        "const limit = load<i64>(S_CLOCK);",
      ],
      [
        "a null key is a key",
        "tagAt(value) != TAG_NULL && tagAt",
        "tagAt(value) != TAG_NULL || tagAt",
      ],
      [
        "a version drops those before it",
        "store<u32>(version, <u32>older, VERSION_OLDER);",
        "store<u32>(version, 0, VERSION_OLDER);",
      ],
      [
        "a version stands at the clock",
        "store<i64>(version, time, VERSION_TIME);",
        "store<i64>(version, load<i64>(S_CLOCK), VERSION_TIME);",
      ],
      [
        "an older version is put before the newest",
        "place = older + VERSION_OLDER;",
        "place = entry + ENTRY_HEAD;",
      ],
    ),
  ],
];

const dedupe: Part = [
  "dedupe",
  [
    ...mistakesIn(
      "dedupe.ts",
      [
        "an identity at the horizon is forgotten",
        "if (time < horizon) forget",
        "if (time <= horizon) forget",
      ],
      ["the horizon is the clock", ": clock - load<i64>(PROGRAM + PROGRAM_DEDUP);", ": clock;"],
      [
        "an event at the horizon is not remembered",
        "if (time < load<i64>(S_HORIZON)) return;",
        "if (time <= load<i64>(S_HORIZON)) return;",
      ],
      ["a full table makes no room", "earliest(time) + 1)", "earliest(time))"],
      [
        "one identity more than the limit",
        "identityCount() == identitiesMax()",
        "identityCount() > identitiesMax()",
      ],
      [
        "the latest is forgotten, not the earliest",
        "time = min(time, timeOf",
        "time = max(time, timeOf",
      ],
      [
        "a sweep leaves the list that the horizon enters",
        "level <= top; level++",
        "level < top; level++",
      ],
    ),
    ...mistakesIn(
      "probe.ts",
      [
        "an event at T - dedup is too old",
        "if (time < horizon) return hold",
        "if (time <= horizon) return hold",
      ],
      [
        "a duplicate at the horizon is not known",
        "timeOf(identity) >= horizon",
        "timeOf(identity) > horizon",
      ],
    ),
    ...mistakesIn("apply.ts", [
      "a duplicate moves the clock",
      "if (verdictOf(slot) != VERDICT_ACCEPTED) continue;",
      "if (verdictOf(slot) == VERDICT_ACCEPTED + 1) advance(afterEvent(load<i64>(S_CLOCK), " +
        "load<i64>(slot, SLOT_TIME), load<i64>(slot, SLOT_RECEIVED)));\n" +
        "if (verdictOf(slot) != VERDICT_ACCEPTED) continue;",
    ]),
  ],
];

export const times: readonly Part[] = [window, session, span, table, dedupe];
