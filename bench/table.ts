// Results as Markdown: a table a section, with ours as the measure.

import type { Measured, SectionResult } from "./contest.ts";
import { crossoverTable } from "./crossover.ts";
import type { Judged } from "./floors.ts";
import type { Machine } from "./machine.ts";
import { spreadPercent } from "./spread.ts";

const NANO = 1e6;

export function markdownOf(
  machine: Machine,
  sections: readonly SectionResult[],
  judged: readonly Judged[],
): string {
  return [
    machineLine(machine),
    "",
    ...sections.flatMap((section) => [...sectionLines(section), ""]),
    ...judgedLines(judged),
  ].join("\n");
}

function machineLine({ cpu, cores, memoryGiB, node, commit, rounds, events }: Machine): string {
  const runs = `${rounds} rounds interleaved, 10⁶ events scaled to ${count(events)}`;
  return `${cores} × ${cpu}, ${memoryGiB} GiB, Node ${node}, commit ${commit}; ${runs}.`;
}

function sectionLines({ id, title, measured, ofFigures }: SectionResult): string[] {
  return [
    `**${id}**: ${title}`,
    "",
    ...(ofFigures ? [] : timeLines(measured)),
    ...figureLines(measured, ofFigures),
    ...(id.startsWith("k.") ? crossoverTable(measured) : []),
  ];
}

function timeLines(measured: readonly Measured[]): string[] {
  const base = measured.find(({ ms }) => ms !== null);
  const rows = measured.map((each) => {
    const { label, events, ms, problem } = each;
    if (ms === null) return `| ${label} | ${count(events)} | ${problem ?? "not run"} | | | |`;
    const per = nanosecondsEach(each)!;
    const times = base === undefined ? 1 : per / nanosecondsEach(base)!;
    const spread = `${ms.min.toFixed(1)}–${ms.max.toFixed(1)} (${spreadPercent(ms).toFixed(0)} %)`;
    const cells = [ms.median.toFixed(1), spread, count(Math.round(per)), `${times.toFixed(2)} ×`];
    return `| ${label} | ${count(events)} | ${cells.join(" | ")} |`;
  });
  return [
    "| contender | events | median ms | min–max | ns an event | to the first |",
    "|---|---:|---:|---|---:|---:|",
    ...rows,
    "",
  ];
}

function figureLines(measured: readonly Measured[], withProblems: boolean): string[] {
  return measured.flatMap(({ label, figures, problem }) => {
    if (problem !== null) return withProblems ? [`- ${label}: ${problem}`] : [];
    const told = Object.entries(figures).filter(([, value]) => value !== 0);
    if (told.length === 0) return [];
    return [`- ${label}: ${told.map(([name, value]) => `${name} ${figure(value)}`).join(", ")}`];
  });
}

function judgedLines(judged: readonly Judged[]): string[] {
  if (judged.length === 0) return [];
  return [
    "| floor | measured | holds |",
    "|---|---:|---|",
    ...judged.map(({ text, measured, holds }) => {
      const verdict = holds === null ? "not measured" : holds ? "yes" : "**no**";
      return `| ${text} | ${measured === null ? "–" : figure(measured)} | ${verdict} |`;
    }),
  ];
}

export function nanosecondsEach({ ms, events }: Measured): number | null {
  return ms === null ? null : (ms.median / events) * NANO;
}

function count(value: number): string {
  return value.toLocaleString("en");
}

function figure(value: number): string {
  return value >= 1000 ? count(Math.round(value)) : value.toFixed(value < 10 ? 2 : 1);
}
