// The summary of a run, for a person: the counts, and what to look at.

import type { Stats } from "../live/stats.ts";
import { DAY_MS } from "../query/duration.ts";
import type { ClockWatch, Jump } from "./clock-watch.ts";
import { printable } from "./output.ts";
import type { Reception } from "./reception.ts";

const YEAR_MS = 365.25 * DAY_MS;
/** The last instant of which a Date knows the date. */
const DATE_MS_MAX = 8.64e15;
/** Of a query, told where they are not 0. */
const RARE = ["unkeyed", "lateFacts", "repeated", "unmatched", "waiting"] as const;

export function summary(reception: Reception, watch: ClockWatch, stats: Stats): string {
  const { untold } = reception;
  const lines = [
    ...(untold > 0 ? [`and ${untold} more`] : []),
    countsText(reception, stats),
    ...clockLines(watch),
    ...Object.entries(stats.queries).map(([name, query]) => {
      const rare = RARE.filter((each) => query[each] > 0).map((each) => `${query[each]} ${each}`);
      const counts = [`${query.applied} applied`, `${query.late} late`, ...rare];
      return `${printable(name)}: ${counts.join(", ")}`;
    }),
  ];
  return `${lines.join("\n")}\n`;
}

function countsText(reception: Reception, { poisoned }: Stats): string {
  const { received, accepted, duplicate, invalid, quarantined, ticks, facts } = reception;
  const counts = [
    `${received} received`,
    `${accepted} accepted`,
    `${duplicate} duplicate`,
    `${invalid} invalid`,
    `${quarantined} quarantined`,
    ...(ticks > 0 ? [`${ticks} ${ticks === 1 ? "tick" : "ticks"}`] : []),
    ...(facts > 0 ? [`${facts} reprocessed`] : []),
    ...(poisoned.length > 0 ? [`${poisoned.length} poisoned`] : []),
  ];
  return counts.join(", ");
}

function clockLines({ first, last, jumps, count }: ClockWatch): string[] {
  if (first === null || last === null) return [];
  const more = count - jumps.length;
  return [
    `clock from ${instantText(first)} to ${instantText(last)}`,
    ...jumps.map(jumpText),
    ...(more > 0 ? [`clock jumped ${more} more time${more === 1 ? "" : "s"}`] : []),
  ];
}

function jumpText({ ms, place }: Jump): string {
  const { source, number, isElement } = place;
  const where = `${isElement ? "element" : "line"} ${number}`;
  return `clock jumped ${spanText(ms)} at ${where} of ${printable(source)}`;
}

function spanText(ms: number): string {
  return ms < YEAR_MS ? `${Math.round(ms / DAY_MS)} d` : `${Math.round(ms / YEAR_MS)} y`;
}

function instantText(ms: number): string {
  return Math.abs(ms) <= DATE_MS_MAX ? new Date(ms).toISOString() : `${ms} ms`;
}
