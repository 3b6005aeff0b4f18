// Where a standing view is cheaper than an answer computed for each request, from what was measured:
// what one event costs to take in, and what one reading costs. Each reader looks once a second.
//
//   by request   rate × store + readers × (request + events of the window × scan)
//   standing     rate × push  + readers × read
//
// both in CPU ms a second; over 1,000 a core is not enough.

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

export function crossoverTable(measured: readonly Measured[]): string[] {
  const figures = measured[0]?.figures;
  if (figures?.["pushNs"] === undefined) return [];
  const head = READERS.map((readers) => `${readers.toLocaleString("en")} readers`);
  return LOOKS.flatMap((look) => [
    "",
    `CPU ms a second, ${look.name}: by request / standing`,
    "",
    `| events/s | ${head.join(" | ")} | standing is cheaper from |`,
    `|---:|${head.map(() => "---:|").join("")}---:|`,
    ...RATES.map((rate) => {
      const cells = READERS.map((readers) => {
        const { byRequest, standing } = costsOf(figures, look, rate, readers);
        return `${byRequest.toPrecision(3)} / ${standing.toPrecision(3)}`;
      });
      const from = crossoverOf(figures, look, rate);
      return `| ${rate.toLocaleString("en")} | ${cells.join(" | ")} | ${from} |`;
    }),
  ]);
}

type Figures = Measured["figures"];
type Look = (typeof LOOKS)[number];

function costsOf(figures: Figures, look: Look, rate: number, readers: number) {
  const { pushNs = NaN, storeNs = NaN } = figures;
  const { requestNs, readNs } = readingCosts(figures, look, rate);
  return {
    byRequest: (rate * storeNs + readers * requestNs) / NANO,
    standing: (rate * pushNs + readers * readNs) / NANO,
  };
}

/** What one reading costs either way. */
function readingCosts(figures: Figures, look: Look, rate: number) {
  const { requestNs = NaN, scanNs = NaN, [look.read]: readNs = NaN } = figures;
  return { requestNs: requestNs + rate * look.events * scanNs, readNs };
}

function crossoverOf(figures: Figures, look: Look, rate: number): string {
  const { pushNs = NaN, storeNs = NaN } = figures;
  const { requestNs, readNs } = readingCosts(figures, look, rate);
  const more = rate * (pushNs - storeNs);
  const saved = requestNs - readNs;
  if (more <= 0 && saved >= 0) return "the first reader";
  if (more > 0 && saved <= 0) return "never";
  const readers = Math.ceil(more / saved);
  return more > 0 ? `${readers.toLocaleString("en")} readers` : `up to ${readers} readers`;
}
