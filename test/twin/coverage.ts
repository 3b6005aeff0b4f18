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

/** Of 100,000 cases, as the issue "All of time" wants them. */
const RESULTS_MIN = 500;
const DISPOSITIONS_MIN = 5000;
const DISPOSITIONS = [
  ...["accepted", "duplicate", "invalid", "tick", "event_id_conflict", "quarantine_full"],
  ...["event_time_too_old", "event_time_in_future", "released"],
];

export class Coverage {
  readonly #counts = new Map<string, number>();

  add(each: Case, model: ModelRun): void {
    const dispositions = model.pushed.flatMap((pushed) => pushed.dispositions);
    for (const { what, code } of dispositions) {
      this.#count(what);
      if (code !== undefined) this.#count(code);
    }
    const isTicked = dispositions.some(({ what }) => what === "tick");
    const isAtHorizon = dispositions.some(({ code }) => code === "event_time_too_old");
    for (const [index, query] of model.model.queries.entries()) {
      const { plan, windows } = query;
      const kind = kindOf(plan);
      const rows = [...model.after[index]!.rows, ...model.before[index]!.rows];
      const hasResult = query.counts.applied > 0;
      const features: { readonly [name in (typeof FEATURES)[number]]: boolean } = {
        where: plan.where !== undefined && query.counts.taken > 0,
        with: plan.with !== undefined,
        span: plan.span !== undefined,
        tick: isTicked,
        "several queries": each.plan.queries.length > 1,
        "negative times": windows.all.some(({ start }) => start !== null && start < 0),
        "DST day": windows.all.some((window) => isShiftDay(plan, window)),
        "session merge": windows.merges > 0,
        "history run out": query.forgottenLookups > 0,
        "dedup at horizon": isAtHorizon,
        late: query.counts.late > 0,
        "other key": windows.others > 0,
        "retain 0": plan.retain === 0 || plan.retain === "0s",
      };
      for (const feature of FEATURES) {
        if (hasResult && features[feature]) this.#count(`${kind} x ${feature}`);
      }
      for (const [name, { fn }] of Object.entries(plan.aggregate)) {
        const values = new Set(rows.map(({ value }) => canonical(value[name]!)));
        if ([...values].some((value) => isResult(JSON.parse(value) as Json))) {
          this.#count(`${kind} x ${fn}`);
        }
      }
    }
  }

  #count(name: string): void {
    this.#counts.set(name, this.#of(name) + 1);
  }

  #of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** What was reached less than its share. */
  gaps(cases: number): string[] {
    const wanted: (readonly [name: string, count: number])[] = [
      ...built.kinds.flatMap((kind) => {
        return built.functions.map((fn) => [`${kind} x ${fn}`, RESULTS_MIN] as const);
      }),
      ...DISPOSITIONS.map((name) => [name, DISPOSITIONS_MIN] as const),
    ];
    // A sample is noisy: it shows that a thing is generated at all, and about as often.
    const share = cases >= 100_000 ? 1 : 0.5;
    return wanted
      .filter(([name, count]) => this.#of(name) < (share * count * cases) / 100_000)
      .map(([name]) => `${name}: ${this.#of(name)} in ${cases} cases`);
  }

  table(): string {
    const line = (name: string): string => `${String(this.#of(name)).padStart(9)} ${name}`;
    const things = [...FEATURES, ...built.functions];
    const cell = (kind: string, thing: string): string => {
      return String(this.#of(`${kind} x ${thing}`)).padStart(Math.max(kind.length, 7));
    };
    const head = built.kinds.map((kind) => kind.padStart(7)).join("  ");
    return [
      `${"".padEnd(18)}${head}`,
      ...things.map((thing) => {
        return `${thing.padEnd(18)}${built.kinds.map((kind) => cell(kind, thing)).join("  ")}`;
      }),
      ...DISPOSITIONS.map(line),
    ].join("\n");
  }
}

function kindOf({ window }: QueryJson): string {
  return window.timezone === undefined ? window.kind : "calendar";
}

function isResult(value: Json): boolean {
  return Array.isArray(value) ? value.some((each) => each !== null && each !== 0) : value !== null;
}

/** A local day that has not 24 hours. */
function isShiftDay({ window }: QueryJson, { start, end }: Query["windows"]["all"][0]): boolean {
  if (window.timezone === undefined || start === null || end === null) return false;
  return (window.size === "1d" || window.size === "1w") && (end - start) % 86_400_000 !== 0;
}
