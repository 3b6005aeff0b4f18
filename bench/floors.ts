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

const FLOORS: readonly Floor[] = [
  atMost(1.5, "(a) ours / the bare scanner", (r) => r.ratio("a.node", "millrace", "prototype")),
  atLeast(8, "(a) idiomatic / ours", (r) => r.ratio("a.node", "idiomatic", "millrace")),
  atLeast(4, "(a) decode, split, parse / ours", (r) => r.ratio("a.node", DECODED, "millrace")),
  atLeast(3, "(a) the same in Chromium", (r) => r.ratio("a.chromium", DECODED, "millrace")),
  atLeast(0.8, "(a) throughput with every change told / with none", (r) =>
    r.ratio("a.node", "millrace", "millrace, told"),
  ),
  atLeast(0.7, "(a) throughput with a schema's checks / without", (r) =>
    r.ratio("a.node", "millrace", "millrace, checked"),
  ),
  atLeast(0.7, "(a) with a schema's checks, in Chromium", (r) =>
    r.ratio("a.chromium", "millrace", "millrace, checked"),
  ),
  atLeast(7, "(a) 1.2 KB: idiomatic / ours", (r) =>
    r.ratio("a.node.items", "idiomatic", "millrace"),
  ),
  atLeast(5, "(a) 1.2 KB: decode, split, parse / ours", (r) =>
    r.ratio("a.node.items", DECODED, "millrace"),
  ),
  atLeast(2.5, "(a) names not in ASCII: parse / ours", (r) =>
    r.ratio("a.node.names", "parse", "millrace"),
  ),
  atLeast(6, "(b) the better of the idiomatic / ours", (r) =>
    r.leastRatio("b.node", ["distributions", "sketches"], "millrace"),
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
