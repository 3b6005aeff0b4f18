// What must hold, each as a ratio of medians measured in one run. Not part of any test: the machine
// has its say.

import type { Measured, SectionResult } from "./contest.ts";
import { nanosecondsEach } from "./table.ts";

export interface Judged {
  readonly text: string;
  readonly measured: number | null;
  /** Null where it was not measured. */
  readonly holds: boolean | null;
}

interface Floor {
  readonly text: string;
  readonly value: (results: Results) => number | null;
  readonly least?: number;
  readonly most?: number;
}

class Results {
  readonly #sections: readonly SectionResult[];

  constructor(sections: readonly SectionResult[]) {
    this.#sections = sections;
  }

  find(section: string, label: string): Measured | null {
    const { measured } = this.#sections.find(({ id }) => id === section) ?? {};
    return measured?.find((each) => each.label === label) ?? null;
  }

  /** Nanoseconds an event of `over` to that of `under`. */
  ratio(section: string, over: string, under: string): number | null {
    const [above, below] = [this.#nanoseconds(section, over), this.#nanoseconds(section, under)];
    return above === null || below === null ? null : above / below;
  }

  /** The smallest of the ratios that were measured. */
  leastRatio(section: string, overs: readonly string[], under: string): number | null {
    const ratios = overs.map((over) => this.ratio(section, over, under));
    const known = ratios.filter((ratio) => ratio !== null);
    return known.length === 0 ? null : Math.min(...known);
  }

  #nanoseconds(section: string, label: string): number | null {
    const measured = this.find(section, label);
    return measured === null ? null : nanosecondsEach(measured);
  }
}

const DECODED = "decode-split-parse";
const MANY = "millrace, 1,000,000 keys";
const FEW = "millrace, 1,000 keys";
const SMALL_RESTORE = 10_000;

const atMost = (most: number, text: string, value: Floor["value"]): Floor => {
  return { text: `${text} ≤ ${most}`, value, most };
};
const atLeast = (least: number, text: string, value: Floor["value"]): Floor => {
  return { text: `${text} ≥ ${least}`, value, least };
};

/** A ratio of two contenders in Node, and the same in Chromium. */
function inBoth(
  bound: (text: string, value: Floor["value"]) => Floor,
  text: string,
  row: "a" | "a.items" | "a.names" | "b",
  over: string | readonly string[],
  under: string,
): Floor[] {
  const overs = typeof over === "string" ? [over] : over;
  return ["node", "chromium"].map((host) => {
    const [letter, ...kind] = row.split(".");
    const section = [letter, host, ...kind].join(".");
    const where = host === "node" ? "" : ", Chromium";
    return bound(`${text}${where}`, (r) => r.leastRatio(section, overs, under));
  });
}

const ofMost = (most: number) => (text: string, value: Floor["value"]) => atMost(most, text, value);
const ofLeast = (least: number) => (text: string, value: Floor["value"]) =>
  atLeast(least, text, value);

/** Engines and libraries that others would take. */
const OTHERS = ["rxjs", "arquero", "d2ts", "perspective", "duckdb", "duckdb-wasm"];

const FLOORS: readonly Floor[] = [
  ...inBoth(ofMost(1.5), "(a) ours / the bare scanner", "a", "millrace", "prototype"),
  ...inBoth(ofLeast(8), "(a) idiomatic / ours", "a", "idiomatic", "millrace"),
  atLeast(4, "(a) decode, split, parse / ours", (r) => r.ratio("a.node", DECODED, "millrace")),
  atLeast(3, "(a) decode, split, parse / ours, Chromium", (r) =>
    r.ratio("a.chromium", DECODED, "millrace"),
  ),
  ...inBoth(ofLeast(1), "(a) the best of the other contenders / ours", "a", OTHERS, "millrace"),
  atLeast(5, "(a) Flink / ours", (r) => r.ratio("a.node", "flink", "millrace")),
  atLeast(25, "(a) Kafka Streams / ours", (r) => r.ratio("a.node", "kafka-streams", "millrace")),
  ...inBoth(
    ofLeast(0.8),
    "(a) throughput with every change told / with none",
    "a",
    "millrace",
    "millrace, told",
  ),
  ...inBoth(
    ofLeast(0.7),
    "(a) throughput with a schema's checks / without",
    "a",
    "millrace",
    "millrace, checked",
  ),
  ...inBoth(ofLeast(7), "(a) 1.2 KB: idiomatic / ours", "a.items", "idiomatic", "millrace"),
  ...inBoth(ofLeast(5), "(a) 1.2 KB: decode, split, parse / ours", "a.items", DECODED, "millrace"),
  ...inBoth(ofLeast(2.5), "(a) names not in ASCII: parse / ours", "a.names", "parse", "millrace"),
  ...inBoth(
    ofLeast(6),
    "(b) the better of the idiomatic / ours",
    "b",
    ["distributions", "sketches"],
    "millrace",
  ),
  atMost(1.5, "(d) hopping / tumbling", (r) =>
    r.ratio("d.node", "millrace, hopping", "millrace, tumbling"),
  ),
  atMost(3, "(e) an event at 1,000,000 keys / at 1,000", (r) => r.ratio("e.node", MANY, FEW)),
  atLeast(0.7, "(f) throughput, odd / plain", (r) => dirty(r, "odd")),
  atLeast(0.35, "(f) throughput, broken / plain", (r) => dirty(r, "broken")),
  atLeast(0.6, "(f) throughput, redelivered / plain", (r) => dirty(r, "redelivered")),
  atMost(50, "(g) ms to open a snapshot of 10,000 windows", (r) => {
    const measured = r.find("g.node", `${SMALL_RESTORE.toLocaleString("en")} windows`);
    // A smaller run restores fewer, and shows nothing.
    return measured?.events === SMALL_RESTORE ? (measured.ms?.median ?? null) : null;
  }),
  atMost(20, "(h) ms from nothing to the first window", (r) => {
    return r.find("h.node", "millrace")?.ms?.median ?? null;
  }),
];

function dirty(results: Results, kind: string): number | null {
  return results.ratio("f.node", "millrace, plain", `millrace, ${kind}`);
}

export function judge(sections: readonly SectionResult[]): Judged[] {
  const results = new Results(sections);
  return FLOORS.map(({ text, value, least = -Infinity, most = Infinity }) => {
    const measured = value(results);
    const holds = measured === null ? null : measured >= least && measured <= most;
    return { text, measured, holds };
  });
}
