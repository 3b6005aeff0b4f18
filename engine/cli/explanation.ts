// What `explain` knows of a row, for a person to read: the row, what was told of it and when, the
// events behind it, and those that came too late or more than once.

import type {
  Contribution,
  Emission,
  Explanation,
  LateContribution,
  LoggedEvent,
} from "../explain.ts";
import { printable } from "./output.ts";

/** More than a screen or two helps nobody; the log has them all. */
const LISTED_MAX = 50;

export function explanationText(explanation: Explanation): string {
  const { query, key, window, row, events, late, resent, emissions } = explanation;
  const state = row === null ? "not in the view" : row.final ? "final" : "open";
  const lines = [
    `${query} ${JSON.stringify(key)} ${windowText(window)}: ${state}`,
    ...(row === null ? [] : [`  revision ${row.revision}  ${JSON.stringify(row.value)}`]),
    ...section("told", emissions, emissionLine),
    ...section("applied", events, contributionLine),
    ...section("late", late, lateLine),
    ...section("sent again", resent, ({ of, code }) => `position ${of}  ${code}`),
  ];
  return lines.map((line) => `${printable(line)}\n`).join("");
}

function section<T>(name: string, items: readonly T[], line: (item: T) => string): string[] {
  const more = items.length - LISTED_MAX;
  return [
    `  ${name}: ${items.length}`,
    ...items.slice(0, LISTED_MAX).map((item) => `    ${line(item)}`),
    ...(more > 0 ? [`    … and ${more} more`] : []),
  ];
}

function emissionLine({ kind, revision, position, clock, value }: Emission): string {
  const when = clock === null ? "" : `, clock ${timeText(clock)}`;
  return `${kind} ${revision} at position ${position}${when}  ${JSON.stringify(value)}`;
}

function contributionLine({ events, outcome, time, clock }: Contribution): string {
  const what = events.map(eventText).join(" → ");
  const span = outcome === undefined ? "" : `${outcome}: `;
  return `${timeText(time)}  ${span}${what}, clock ${timeText(clock)}`;
}

function lateLine(late: LateContribution): string {
  return `${contributionLine(late)}, ${late.lateMs} ms beyond it`;
}

function eventText({ position, eventId, source, eventType }: LoggedEvent): string {
  const from = source === null ? "" : ` of ${source}`;
  return `${eventId}${from} (${eventType}) at position ${position}`;
}

function windowText({ start, end }: Explanation["window"]): string {
  return start === null ? "(global)" : `[${timeText(start)}, ${timeText(end!)})`;
}

/** Years that a Date cannot hold are told in ms. */
function timeText(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString();
}
