// Every limit by name, and the test that shows it at the limit and one beyond. A constant of the
// sources with MAX in its name that is not in this table fails; so does a test that is gone.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import * as layout from "../assembly/layout.ts";
import * as planLimit from "../engine/query/plan-limit.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["assembly", "engine", "worker"];

/** Of a limit: file and title of its test, or of the two that it has. */
type Tests = readonly (readonly [file: string, title: string])[];
const LIMITS: { [place: string]: { readonly [name: string]: Tests } } = {};

function limits(place: string, file: string, names: { readonly [name: string]: string }): void {
  const tests = Object.entries(names).map(([name, title]) => [name, [[file, title]]] as const);
  LIMITS[place] = { ...LIMITS[place], ...Object.fromEntries(tests) };
}

/** A plan one beyond is a fault (plan-limit.test.ts); a plan at the limit also runs. */
const RUNS = {
  QUERIES_MAX: "so many queries each count the event",
  TABLES_MAX: "so many queries each count the event",
  LOOKUPS_MAX: "so many lookups are made in order",
  TYPES_MAX: "so many event types are each taken",
  KEY_MEMBERS_MAX: "so many members of a key",
  AGGREGATES_MAX: "so many aggregates and derived members",
  DERIVED_MAX: "so many aggregates and derived members",
  FIELDS_MAX: "so many different paths are read",
  NAME_BYTES_MAX: "and a name so long, are told",
  PATH_SEGMENTS_MAX: "a path so long",
  EXPRESSION_DEPTH_MAX: "an expression so deep or so large",
  EXPRESSION_PARTS_MAX: "an expression so deep or so large",
  EVENT_WINDOWS_MAX: "an event in so many %s windows",
  QUANTILES_MAX: "so many quantiles",
  TOP_K_MAX: "so large a top",
  HISTOGRAM_BOUNDS_MAX: "so many bounds",
  DURATION_MS_MAX: "the longest duration",
  LIMIT_MAX: "the highest limits",
};
const PLAN: readonly [string, string] = ["test/query/plan-limit.test.ts", "the limit of $name"];
const RUN = "test/engine/limit.test.ts";
LIMITS["engine/query/plan-limit.ts"] = {
  ...Object.fromEntries(Object.entries(RUNS).map(([name, title]) => [name, [PLAN, [RUN, title]]])),
  // No event has a longer type: there is nothing that it would take.
  EVENT_TYPE_LENGTH_MAX: [PLAN, ["test/ingest/decode.test.ts", 'describe("limits"']],
};

limits("assembly/layout.ts", RUN, {
  PROGRAM_BYTES_MAX: "a program of just so many bytes runs",
  // As many as FIELDS_MAX, which counts the paths of a query too; the stack as deep as plans nest.
  FRAME_VALUES_MAX: "so many different paths are read, of the event and of what was looked up",
  STACK_VALUES_MAX: "an expression so deep or so large",
  TOP_COUNT_MAX: "so large a top",
});
limits("assembly/layout.ts", "test/core/distinct.test.ts", {
  DISTINCT_EXACT_MAX: "is exact to 1,000, and then no longer promised to be",
});
limits("assembly/layout.ts", "test/core/top.test.ts", {
  TOP_ENTRIES_MAX: "is still exact at 2,000 different values, and within its bound at 2,001",
});
limits("assembly/layout.ts", "test/engine/window.test.ts", {
  LATE_LISTED_MAX: "the list of late events has the newest 1,000 of each query, oldest first",
});
limits("assembly/arena.ts", "test/core/arena.test.ts", {
  SMALL_MAX: "says what a block at a multiple of its size leaves below it",
});
limits("assembly/output.ts", RUN, { OUTPUTS_MAX: "so many aggregates and derived members" });
limits("engine/ingest/zone-years.ts", RUN, {
  YEARS_MAX: "a push may need 4,096 years of time zones",
});
limits("engine/query/compile.ts", RUN, { PLACE_BYTES_MAX: "in its record, up to 512 bytes" });
limits("assembly/layout.ts", "test/ingest/decode.test.ts", {
  LINE_BYTES_MAX: "padded(262_144)",
  DEPTH_MAX: "nested(31, ",
  KEYS_MAX: "wide(256)",
  TOKEN_LENGTH_MAX: "repeat(128)",
  NAME_BYTES_MAX: "repeat(256)",
});
limits("assembly/scan-value.ts", "test/ingest/scan.test.ts", {
  NAMES_MAX: "1,024 names of open objects",
});
limits("assembly/shape.ts", "test/ingest/scan.test.ts", { STEPS_MAX: "128 values, and 129" });
limits("engine/event/fault.ts", RUN, { PLACE_LENGTH_MAX: "names 200 characters of a place" });
limits("engine/ingest/quarantine.ts", RUN, { UNKNOWN_NAMED_MAX: "a release names three ids" });
limits("engine/ingest/poison.ts", "test/engine/poison.test.ts", {
  FAILURES_MAX: "does not end the engine, however many",
});
limits("engine/ingest/tick.ts", RUN, { TICK_BYTES_MAX: "a tick of 256 bytes is one" });
limits("engine/ingest/batch.ts", "test/engine/aggregate.test.ts", {
  EXACT_MAX: "integers beyond 2^53 that the plan reads are counted",
});
limits("engine/ingest/refused-lines.ts", RUN, {
  REFUSED_MAX: "refused lines are listed up to 1,000",
  REFUSED_BYTES_MAX: "all of them up to 4 MiB",
  LINE_BYTES_MAX: "a refused line is listed up to 64 KiB of it",
});
limits("engine/live/known-keys.ts", "test/live/known-keys.test.ts", {
  KNOWN_KEYS_MAX: "are forgotten beyond 16,384, or beyond a mebibyte",
  KNOWN_KEY_BYTES_MAX: "are forgotten beyond 16,384, or beyond a mebibyte",
});
limits("engine/publish/sender.ts", "test/publish/publisher.test.ts", {
  BATCH_FACTS_MAX: "cuts batches of 1,000 facts and a million characters",
  BATCH_LENGTH_MAX: "cuts batches of 1,000 facts and a million characters",
  PACKED_RATIO_MAX: "that is all alike goes unpacked",
});
limits("engine/publish/back-off.ts", "test/publish/back-off.test.ts", {
  ASKED_MS_MAX: "is a day at most",
});
limits("engine/store/sqlite-page.ts", "test/store/sqlite.workerd.test.ts", {
  PAGE_ROWS_MAX: "gives a log of tiny chunks in pages of about a thousand",
});
limits("engine/cli/recording.ts", "test/cli/recording.test.ts", {
  KEPT_MAX: "is whole as long as it fits",
});
limits("engine/cli/reception.ts", "test/cli/run.test.ts", { TOLD_MAX: "20 and then a count" });
limits("engine/cli/clock-watch.ts", "test/cli/summary.test.ts", {
  TOLD_MAX: "lists a few jumps, then counts",
});
limits("worker/body.ts", "test/worker/limit.workerd.test.ts", {
  BODY_BYTES_MAX: "has at most 4 MiB as it is sent",
  UNPACKED_BYTES_MAX: "has at most 16 MiB when it is unpacked",
  UNPACKED_RATIO_MAX: "has at most 100 times the bytes that it had packed",
  EVENTS_MAX: "has at most 10,000 events",
});
limits("worker/split.ts", "test/worker/limit.workerd.test.ts", {
  RESTAURANTS_MAX: "has at most 1,000 restaurants, or nothing is taken",
});
limits("worker/split.ts", "test/worker/post.workerd.test.ts", { ID_BYTES_MAX: "`${long}x`" });

/** The plan's own limits, which are numbers in it. */
const OF_THE_PLAN: Tests = [
  ["test/engine/key.test.ts", "is reached at exactly N + 1"],
  ["test/engine/identity.test.ts", "at the limit nothing is forgotten"],
  ["test/engine/identity.test.ts", "one more forgets the earliest"],
  ["test/engine/quarantine.test.ts", "the list holds limits.quarantine lines"],
];

/** What has MAX in its name and limits nothing that is sent or planned. */
const NO_LIMITS: { readonly [name: string]: string } = {
  "assembly/layout.ts PROGRAM_KEYS_MAX": "an offset",
  "assembly/layout.ts PROGRAM_IDENTITIES_MAX": "an offset",
  "assembly/layout.ts PROGRAM_MAX_AHEAD": "an offset",
  "assembly/layout.ts ACCUMULATE_MAX": "the code of `max`",
  "assembly/layout.ts READ_MAX": "the code of `max`",
  "assembly/state.ts Q_EXTERNAL_MAX": "an offset",
  "assembly/quantile.ts MAX": "an offset",
  "assembly/distinct.ts RANK_MAX": "the highest rank that a hash of 64 bits has",
  "assembly/distinct.ts SLOTS_MAX": "follows from DISTINCT_EXACT_MAX",
  "assembly/top.ts CAPACITY_MAX": "follows from TOP_ENTRIES_MAX",
  "assembly/variance.ts SCALED_MAX": "a change of scale, not of what is told",
  "assembly/zone.ts OFFSET_MAX": "more than any zone has",
  "engine/browser/leader.ts TIMER_MS_MAX": "the longest that a timer takes; it is set again",
  "engine/browser/start.ts START_MS_MAX": "how long a start is waited for, start.test.ts",
  "engine/core/core.ts PAGES_MAX": "2 GiB; memory.test.ts fills smaller ones",
  "engine/cli/explanation.ts LISTED_MAX": "lines of a text for people, which counts the others",
  "engine/cli/recording.ts KEPT_MAX_LOG": "what the command line keeps of a line of a log",
  "engine/cli/summary.ts DATE_MS_MAX": "the last instant of a Date",
  "engine/reprocess/reprocess.ts KEPT_LENGTH_MAX": "what is kept so as not to be computed again",
  "engine/reprocess/truth.ts STEPS_MAX": "in so many steps a computation closes its windows",
  "engine/store/indexeddb.ts PAGE_CHUNKS_MAX": "a page of reading; the next follows",
  "worker/restaurant.ts MEMORY_PAGES_MAX": "the host's memory; memory.test.ts fills smaller ones",
};

function* sourcesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(ROOT + folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* sourcesIn(path);
    else if (path.endsWith(".ts") && !path.endsWith(".d.ts")) yield path;
  }
}

test("every constant with MAX in its name is in the table, and no other", () => {
  const found = FOLDERS.flatMap((folder) => [...sourcesIn(folder)]).flatMap((path) => {
    const text = readFileSync(ROOT + path, "utf8");
    const names = text.matchAll(/\b(?:const|let) ((?:[A-Z0-9]+_)*MAX(?:_[A-Z0-9]+)*)\b/g);
    return [...names].map(([, name]) => `${path} ${name}`);
  });
  const named = Object.entries(LIMITS).flatMap(([place, own]) =>
    Object.keys(own).map((name) => `${place} ${name}`),
  );
  expect([...named, ...Object.keys(NO_LIMITS)].sort()).toEqual(found.sort());
});

describe("the tests of the table are there", () => {
  const all = Object.entries(LIMITS).flatMap(([place, own]) =>
    Object.entries(own).map(([name, tests]) => [`${place} ${name}`, tests] as const),
  );
  test.each([...all, ["the limits of a plan", OF_THE_PLAN] as const])("%s", (_, tests) => {
    for (const [file, title] of tests) expect(readFileSync(ROOT + file, "utf8")).toContain(title);
  });
});

test("limits that rest on each other agree", () => {
  expect(layout.FRAME_VALUES_MAX).toBeGreaterThanOrEqual(planLimit.FIELDS_MAX);
  expect(layout.TOP_COUNT_MAX).toBe(planLimit.TOP_K_MAX);
  expect(layout.TOP_KEPT).toBeGreaterThanOrEqual(planLimit.TOP_K_MAX);
  expect(layout.TOP_ENTRIES_MAX).toBeGreaterThan(layout.TOP_KEPT);
  // A level leaves at most one value on the stack while the next is read, `case` and chains too.
  expect(layout.STACK_VALUES_MAX).toBeGreaterThanOrEqual(2 * planLimit.EXPRESSION_DEPTH_MAX);
  expect(planLimit.AGGREGATES_MAX + planLimit.DERIVED_MAX).toBe(128);
});
