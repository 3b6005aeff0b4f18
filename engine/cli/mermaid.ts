// The topology of a plan as a Mermaid flowchart: event types, what reads them, key and window, and
// what comes out.
//
//   type ─► table ┄► query ─► key and window ─► view
//   type ───────────► query                  └► changes

import type { Plan, Query } from "../query/plan.ts";
import { printable } from "./output.ts";
import { durationText, expressionText, windowText } from "./plan-text.ts";

export function topology(plan: Plan): string {
  const types = new Map<string, string>();
  const tables = plan.tables.map(({ from }) => from);
  const queries = plan.queries.map(({ from, span }) => [
    ...from,
    ...(span === null ? [] : [...span.from, ...span.to]),
  ]);
  for (const type of [...tables, ...queries].flat()) {
    if (!types.has(type)) types.set(type, `type${types.size}`);
  }
  const lines = [
    ...[...types].map(([type, node]) => `${node}([${label(type)}])`),
    ...plan.tables.flatMap((table, index) => [
      `table${index}[(${label(table.name, `by ${expressionText(table.key)}`)})]`,
      ...table.from.map((type) => `${types.get(type)} --> table${index}`),
    ]),
    ...plan.queries.flatMap((query, index) => queryLines(plan, query, index, types)),
  ];
  return `flowchart LR\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

function queryLines(
  plan: Plan,
  query: Query,
  index: number,
  types: ReadonlyMap<string, string>,
): string[] {
  const { name, where, window, emit, span } = query;
  const condition = where === null ? [] : [`where ${expressionText(where)}`];
  const values = [...query.aggregates, ...query.derive].map((member) => member.name).join(", ");
  const stay = `final rows stay ${durationText(query.retainMs)}`;
  const told = emit === "all" ? "updates and finals" : "finals";
  const edges = (sent: readonly string[], side: string): string[] => {
    return sent.map((type) => `${types.get(type)} -- ${side} --> query${index}`);
  };
  return [
    `query${index}[${label(name, ...condition)}]`,
    `window${index}[${label(keyText(query), windowText(window))}]`,
    `view${index}[(${label("view", values, stay)})]`,
    ...(emit === "none" ? [] : [`changes${index}>${label("changes", told)}]`]),
    ...query.from.map((type) => `${types.get(type)} --> query${index}`),
    ...(span === null ? [] : [...edges(span.from, "from"), ...edges(span.to, "to")]),
    ...query.with.map(({ table, as }) => {
      const tableIndex = plan.tables.findIndex((each) => each.name === table);
      return `table${tableIndex} -. ${label(as)} .-> query${index}`;
    }),
    `query${index} --> window${index}`,
    `window${index} --> view${index}`,
    ...(emit === "none" ? [] : [`window${index} --> changes${index}`]),
  ];
}

function keyText({ key }: Query): string {
  if (key.length === 0) return "one group";
  const members = key.map(({ name, of }) => {
    const text = expressionText(of);
    return text === name ? text : `${name} = ${text}`;
  });
  return `by ${members.join(", ")}`;
}

/** Quoted text, a line for each part; what Mermaid would read as its own is an entity. */
function label(...lines: readonly string[]): string {
  const escaped = lines.map((line) => {
    return printable(line).replace(/[#"<>&`\\]/g, (character) => `#${character.charCodeAt(0)};`);
  });
  return `"${escaped.join("<br>")}"`;
}
