// Where a standing view is cheaper than an answer computed for each request, from what was
// measured: what an event costs to take in, and what one reading costs. Each second the events come
// as one push, and each reader looks once.
//
//   by request   rate × store + readers × (request + events of the window × scan)
//   read         rate × push + small push + readers × read of the view
//   told         rate × push + small push + windows touched × tell + readers × call of a listener
//
// in CPU ms a second; over 1,000 a core is not enough.

import type { Measured } from "./contest.ts";

const RATES = [1, 10, 100, 1000, 10_000];
const READERS = [1, 10, 100, 1000];
const WINDOW_SECONDS = 300;
const RESTAURANTS = 1000;
const NANO = 1e6;

/** What a reader looks at, and how many events it stands on at one event a second. */
const LOOKS = [
  { name: "one restaurant", events: WINDOW_SECONDS / RESTAURANTS, read: "rowReadNs" },
  { name: "the board of all", events: WINDOW_SECONDS, read: "boardReadNs" },
] as const;

type Figures = Measured["figures"];
type Look = (typeof LOOKS)[number];

/** Nanoseconds a second: what comes with the rate, and with each reader. */
interface Cost {
  readonly fixed: number;
  readonly reader: number;
}

export function crossoverTable(measured: readonly Measured[]): string[] {
  const figures = measured[0]?.figures;
  if (figures?.["pushNs"] === undefined) return [];
  const head = READERS.map((readers) => readers.toLocaleString("en"));
  return LOOKS.flatMap((look) => [
    "",
    `CPU ms a second for so many readers of ${look.name}: by request, read, told`,
    "",
    `| events/s | ${head.join(" | ")} | reading is cheaper | telling is cheaper |`,
    `|---:|${head.map(() => "---|").join("")}---|---|`,
    ...RATES.map((rate) => {
      const { byRequest, read, told } = costsOf(figures, look, rate);
      const cells = READERS.map((readers) =>
        [byRequest, read, told].map((cost) => milliseconds(cost, readers)).join(", "),
      );
      const crossovers = [read, told].map((cost) => crossoverOf(byRequest, cost));
      return `| ${rate.toLocaleString("en")} | ${[...cells, ...crossovers].join(" | ")} |`;
    }),
  ]);
}

function costsOf(figures: Figures, look: Look, rate: number) {
  const of = (name: string): number => figures[name] ?? NaN;
  const push = rate * of("pushNs") + of("pushOneNs");
  const byRequest: Cost = {
    fixed: rate * of("storeNs"),
    reader: of("requestNs") + rate * look.events * of("scanNs"),
  };
  const read: Cost = { fixed: push, reader: of(look.read) };
  const touched = Math.min(rate, RESTAURANTS);
  const told: Cost = { fixed: push + touched * of("tellNs"), reader: of("listenerNs") };
  return { byRequest, read, told };
}

function milliseconds({ fixed, reader }: Cost, readers: number): string {
  const ms = (fixed + readers * reader) / NANO;
  return ms >= 100 ? Math.round(ms).toLocaleString("en") : ms.toPrecision(2);
}

/** For how many readers the standing view costs less. */
function crossoverOf(byRequest: Cost, standing: Cost): string {
  const more = standing.fixed - byRequest.fixed;
  const saved = byRequest.reader - standing.reader;
  if (more <= 0 && saved >= 0) return "always";
  if (more > 0 && saved <= 0) return "never";
  const readers = more / saved;
  if (more > 0) return `from ${Math.ceil(readers).toLocaleString("en")} readers`;
  return `up to ${Math.floor(readers).toLocaleString("en")} readers`;
}
