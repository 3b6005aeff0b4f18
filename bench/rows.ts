// What is measured: rows of sections, a section being what runs interleaved and is compared. Counts
// follow `events`, so that a small run is like a large one.

import type { EventKind, EventSpec } from "./events.ts";
import type { TaskName } from "./contender.ts";

export type HostName = "node" | "chromium" | "jvm";

export interface Entry {
  /** Unique in its section. */
  readonly label: string;
  readonly host: HostName;
  readonly contender: string;
  readonly task: TaskName;
  readonly input: EventSpec;
  /** A new process for each round, and none to warm up. */
  readonly isCold?: boolean;
}

export interface Section {
  /** The row's letter, a dot, and a name. */
  readonly id: string;
  readonly title: string;
  readonly entries: readonly Entry[];
  /** What is told is what was measured beside the time of a round. */
  readonly ofFigures?: boolean;
}

export const ROW_LETTERS = ["a", "b", "d", "e", "f", "g", "h", "i", "k"] as const;
export type RowLetter = (typeof ROW_LETTERS)[number];

export interface Scale {
  /** Events of a section's input. */
  readonly events: number;
  readonly seed: number;
}

/** Three hours of events where there are 10⁶. */
const STEP_MS = 11;
const KEYS = 1000;
const TWO_HOURS_MS = 7_200_000;
/** A round of more would take minutes. */
const EVENTS_MAX: { readonly [contender: string]: number } = {
  d2ts: 20_000,
  "duckdb-wasm": 200_000,
  perspective: 200_000,
  "kafka-streams": 50_000,
};
const RESTORED = [10_000, 1_000_000];
const KEY_COUNTS = [1000, 100_000, 1_000_000];
const FULL_EVENTS = 1_000_000;

export function sectionsOf(letter: RowLetter, scale: Scale): Section[] {
  return ROWS[letter](scale);
}

function specOf({ events, seed }: Scale, more: Partial<EventSpec> = {}): EventSpec {
  return { kind: "plain", events, keys: KEYS, uniform: false, stepMs: STEP_MS, seed, ...more };
}

function entriesOf(
  host: HostName,
  contenders: readonly string[],
  task: TaskName,
  spec: EventSpec,
): Entry[] {
  return contenders.map((contender) => {
    const events = Math.min(spec.events, EVENTS_MAX[contender] ?? Infinity);
    return { label: contender, host, contender, task, input: { ...spec, events } };
  });
}

const told = (host: HostName, input: EventSpec): Entry => {
  return { label: "millrace, told", host, contender: "millrace", task: "four-told", input };
};

const checked = (host: HostName, input: EventSpec): Entry => {
  return { label: "millrace, checked", host, contender: "millrace", task: "four-checked", input };
};

/** A quarter of the events where each is four times as long. */
function inputsOfA(scale: Scale) {
  return {
    plain: specOf(scale),
    items: specOf({ ...scale, events: Math.ceil(scale.events / 4) }, { kind: "items" }),
    names: specOf(scale, { kind: "names" }),
  };
}

const HAND_WRITTEN = ["millrace", "parse", "decode-split-parse", "idiomatic"];
const OTHERS = ["prototype", "rxjs", "arquero", "d2ts", "perspective", "duckdb-wasm"];
const ALL_IN_CHROMIUM = [...HAND_WRITTEN, ...OTHERS];
const ALL_IN_NODE = [...ALL_IN_CHROMIUM, "duckdb"];
const JVM = ["kafka-streams", "flink"];

function rowA(scale: Scale): Section[] {
  const { plain, items, names } = inputsOfA(scale);
  const sectionsIn = (host: "node" | "chromium", contenders: readonly string[]): Section[] => [
    {
      id: `a.${host}`,
      title: "bytes to four aggregates, 307 bytes an event",
      entries: [
        ...entriesOf(host, contenders, "four", plain),
        told(host, plain),
        checked(host, plain),
        ...(host === "node" ? entriesOf("jvm", JVM, "four", plain) : []),
      ],
    },
    {
      id: `a.${host}.items`,
      title: "the same, 1.2 KB an event",
      entries: [...entriesOf(host, HAND_WRITTEN, "four", items), checked(host, items)],
    },
    {
      id: `a.${host}.names`,
      title: "the same, names not in ASCII",
      entries: entriesOf(host, HAND_WRITTEN, "four", names),
    },
  ];
  return [...sectionsIn("node", ALL_IN_NODE), ...sectionsIn("chromium", ALL_IN_CHROMIUM)];
}

function rowB(scale: Scale): Section[] {
  const contenders = ["millrace", "distributions", "sketches"];
  return (["node", "chromium"] as const).map((host) => ({
    id: `b.${host}`,
    title: "three queries: p50, p90, p99; distinct and top; sessions",
    entries: entriesOf(host, contenders, "distributions", specOf(scale)),
  }));
}

function rowD(scale: Scale): Section[] {
  const spec = { keys: 100, uniform: true, stepMs: TWO_HOURS_MS / scale.events };
  const input = specOf(scale, spec);
  const tenth = specOf({ ...scale, events: Math.ceil(scale.events / 10) }, spec);
  const entry = (label: string, contender: string, task: TaskName, of: EventSpec): Entry => {
    return { label, host: "node", contender, task, input: of };
  };
  return [
    {
      id: "d.node",
      title: "hop 1 h every 1 min against tumbling 1 h",
      entries: [
        entry("millrace, hopping", "millrace", "hopping", input),
        entry("millrace, tumbling", "millrace", "hourly", input),
        entry("idiomatic, hopping", "idiomatic", "hopping", tenth),
        entry("idiomatic, tumbling", "idiomatic", "hourly", input),
      ],
    },
  ];
}

function rowE(scale: Scale): Section[] {
  const entries = ["millrace", "idiomatic"].flatMap((contender) =>
    KEY_COUNTS.map((count): Entry => {
      const keys = Math.ceil((count * scale.events) / FULL_EVENTS);
      const input = specOf(scale, { keys, uniform: true });
      const label = `${contender}, ${count.toLocaleString("en")} keys`;
      return { label, host: "node", contender, task: "four", input };
    }),
  );
  return [{ id: "e.node", title: "few keys and many", entries }];
}

function rowF(scale: Scale): Section[] {
  const kinds: readonly EventKind[] = ["plain", "odd", "broken", "redelivered"];
  const entries = ["millrace", "idiomatic"].flatMap((contender) =>
    kinds.map((kind): Entry => {
      const input = specOf(scale, { kind });
      return { label: `${contender}, ${kind}`, host: "node", contender, task: "four", input };
    }),
  );
  return [{ id: "f.node", title: "input that is not clean", entries }];
}

/** Each event has a window of its own, and none is closed. */
function rowG(scale: Scale): Section[] {
  const entries = RESTORED.map((count): Entry => {
    const events = Math.min(count, scale.events);
    const own = { keys: 1e9, uniform: true, stepMs: 50_000 / events };
    const input = specOf({ ...scale, events }, own);
    const label = `${count.toLocaleString("en")} windows`;
    return { label, host: "node", contender: "millrace", task: "restore", input };
  });
  return [{ id: "g.node", title: "a snapshot opened", entries }];
}

function rowH(scale: Scale): Section[] {
  const contenders = [
    "millrace",
    "rxjs",
    "arquero",
    "d2ts",
    "perspective",
    "duckdb",
    "duckdb-wasm",
  ];
  const entries = entriesOf("node", contenders, "cold", specOf({ ...scale, events: 1 }));
  const cold = entries.map((entry) => ({ ...entry, isCold: true }));
  return [{ id: "h.node", title: "from nothing to the first window", entries: cold }];
}

function rowI(scale: Scale): Section[] {
  const entries = entriesOf("node", ["footprint"], "memory", specOf(scale));
  return [{ id: "i.node", title: "bytes of state", entries, ofFigures: true }];
}

function rowK(scale: Scale): Section[] {
  const entries = entriesOf("node", ["views"], "views", specOf(scale));
  const title = "views by request against standing views";
  return [{ id: "k.node", title, entries, ofFigures: true }];
}

const ROWS: { readonly [letter in RowLetter]: (scale: Scale) => Section[] } = {
  a: rowA,
  b: rowB,
  d: rowD,
  e: rowE,
  f: rowF,
  g: rowG,
  h: rowH,
  i: rowI,
  k: rowK,
};
