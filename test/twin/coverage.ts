// What the cases have been through: each window kind x feature, each aggregate in each window kind,
// each disposition. A test that nobody reaches is no test.

import { canonical, type Json } from "../model/json.ts";
import type { QueryJson } from "../model/plan.ts";
import type { Query } from "../model/query.ts";
import { built } from "./built.ts";
import type { Case, ModelRun } from "./case.ts";

const FEATURES = [
  ...["where", "with", "span", "tick", "several queries", "negative times", "DST day"],
  ...["session merge", "history run out", "dedup at horizon", "late", "other key", "retain 0"],
] as const;
type Feature = (typeof FEATURES)[number];

/** What a window kind cannot have; nothing is late for a window that never closes. */
const IMPOSSIBLE: readonly (readonly [Feature, (kind: string) => boolean])[] = [
  ["DST day", (kind) => kind !== "calendar"],
  ["session merge", (kind) => kind !== "session"],
  ["late", (kind) => kind === "global"],
];

const DISPOSITIONS = [
  ...["accepted", "duplicate", "invalid", "quarantined", "tick", "event_id_conflict"],
  ...["quarantine_full", "event_time_too_old", "event_time_in_future", "released"],
];
/** What becomes of an accepted event in a query, or of a fact of its span. */
const FATES = ["applied", "late", "unkeyed", "lateFacts", "repeated", "unmatched"] as const;

/** The floors of 100,000 cases. */
const CASES = 100_000;
const RESULTS_MIN = 500;
const DISPOSITIONS_MIN = 5000;

interface Cell {
  readonly name: string;
  readonly count: number;
  /** Of 100,000 cases. */
  readonly floor: number;
}

export class Coverage {
  #cases = 0;
  readonly #counts = new Map<string, number>();

  add(each: Case, { model, pushed, before, after, stats }: ModelRun): void {
    this.#cases++;
    const dispositions = pushed.flatMap((push) => push.dispositions);
    for (const { what, code } of dispositions) {
      this.#count(what);
      if (code !== undefined) this.#count(code);
    }
    const isTicked = dispositions.some(({ what }) => what === "tick");
    for (const [index, query] of model.queries.entries()) {
      const { plan, windows, counts } = query;
      for (const fate of FATES) this.#count(fate, stats.queries[plan.name]![fate]);
      if (counts.applied === 0) continue;
      const features: { readonly [name in Feature]: boolean } = {
        where: plan.where !== undefined,
        with: plan.with !== undefined,
        span: plan.span !== undefined,
        tick: isTicked,
        "several queries": each.plan.queries.length > 1,
        "negative times": windows.all.some(({ rows }) => rows.some(({ time }) => time < 0)),
        "DST day": windows.all.some((window) => isShiftDay(plan, window)),
        "session merge": windows.merges > 0,
        "history run out": query.forgottenLookups > 0,
        "dedup at horizon": model.judgedAtHorizon > 0,
        late: counts.late > 0,
        "other key": windows.others > 0,
        "retain 0": plan.retain === 0 || plan.retain === "0s",
      };
      const kind = kindOf(plan);
      for (const feature of FEATURES) if (features[feature]) this.#count(cellName(kind, feature));
      const rows = [...after[index]!.rows, ...before[index]!.rows];
      for (const fn of functionsWithResult(plan, rows)) this.#count(cellName(kind, fn));
    }
  }

  #count(name: string, more = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + more);
  }

  #cell(name: string, floor: number): Cell {
    return { name, count: this.#counts.get(name) ?? 0, floor };
  }

  /** Window kind x feature and window kind x aggregate, in the order of the table. */
  #things(): { readonly thing: string; readonly cells: readonly (Cell | null)[] }[] {
    return [...FEATURES, ...built.functions].map((thing) => {
      const impossible = IMPOSSIBLE.find(([feature]) => feature === thing);
      const cells = built.kinds.map((kind) => {
        if (impossible?.[1](kind) === true) return null;
        return this.#cell(cellName(kind, thing), RESULTS_MIN);
      });
      return { thing, cells };
    });
  }

  #lines(): Cell[] {
    return [...DISPOSITIONS, ...FATES].map((name) => this.#cell(name, DISPOSITIONS_MIN));
  }

  /** What was reached less than its share. */
  gaps(): string[] {
    const cells = [...this.#things().flatMap((each) => each.cells), ...this.#lines()];
    return cells
      .filter((cell) => cell !== null)
      .filter(({ count, floor }) => count < (floor * this.#cases) / CASES)
      .map(({ name, count }) => `${name}: ${count} in ${this.#cases} cases`);
  }

  /** The least reached cell of the table, and the least reached disposition. */
  least(): { readonly result: Cell; readonly disposition: Cell } {
    const least = (cells: readonly Cell[]): Cell => {
      return cells.reduce((low, cell) => (cell.count < low.count ? cell : low));
    };
    const results = this.#things().flatMap(({ cells }) => cells.filter((cell) => cell !== null));
    return { result: least(results), disposition: least(this.#lines()) };
  }

  table(): string {
    const width = (kind: string): number => Math.max(kind.length, 8);
    const head = built.kinds.map((kind) => kind.padStart(width(kind))).join("  ");
    return [
      `${"".padEnd(18)}${head}`,
      ...this.#things().map(({ thing, cells }) => {
        const counts = cells.map((cell, index) => {
          return String(cell?.count ?? "n/a").padStart(width(built.kinds[index]!));
        });
        return `${thing.padEnd(18)}${counts.join("  ")}`;
      }),
      ...this.#lines().map(({ name, count }) => `${name.padEnd(24)}${String(count).padStart(10)}`),
      ...this.gaps().map((gap) => `below its floor: ${gap}`),
    ].join("\n");
  }
}

function cellName(kind: string, thing: string): string {
  return `${kind} x ${thing}`;
}

function kindOf({ window }: QueryJson): string {
  return window.timezone === undefined ? window.kind : "calendar";
}

/** The functions of the query's aggregates of which a row tells something, once each aggregate. */
function functionsWithResult(
  { aggregate }: QueryJson,
  rows: ModelRun["after"][number]["rows"],
): string[] {
  return Object.entries(aggregate).flatMap(([name, { fn }]) => {
    const values = new Set(rows.map(({ value }) => canonical(value[name]!)));
    return [...values].some((value) => isResult(fn, JSON.parse(value) as Json)) ? [fn] : [];
  });
}

/** Not what an aggregate says of nothing. */
function isResult(fn: string, value: Json): boolean {
  if (fn === "count" || fn === "distinct") return value !== 0;
  if (Array.isArray(value)) return value.some((each) => each !== null && each !== 0);
  return value !== null;
}

/** A local day, or a week with one, that has not 24 hours. */
function isShiftDay({ window }: QueryJson, { start, end }: Query["windows"]["all"][0]): boolean {
  if (window.timezone === undefined || start === null || end === null) return false;
  return (window.size === "1d" || window.size === "1w") && (end - start) % 86_400_000 !== 0;
}
