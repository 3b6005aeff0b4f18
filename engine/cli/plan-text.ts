// Parts of a plan in words, for a person: expressions, durations, windows.

import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, WEEK_MS } from "../query/duration.ts";
import type { Expression, Window } from "../query/plan.ts";

const UNITS = [
  ["w", WEEK_MS],
  ["d", DAY_MS],
  ["h", HOUR_MS],
  ["m", MINUTE_MS],
  ["s", SECOND_MS],
] as const;

/** As a plan would write it, in the largest unit that fits. */
export function durationText(ms: number): string {
  if (ms === 0) return "0s";
  const unit = UNITS.find(([, unitMs]) => ms % unitMs === 0);
  return unit === undefined ? `${ms}ms` : `${ms / unit[1]}${unit[0]}`;
}

export function windowText(window: Window): string {
  if (window.kind === "global") return "global";
  const parts: string[] = [window.kind];
  if (window.kind === "calendar") parts.push(`1${window.unit} in ${window.timezone}`);
  else if (window.kind === "session") parts.push(`gap ${durationText(window.gapMs)}`);
  else parts.push(durationText(window.sizeMs));
  if ("everyMs" in window) parts.push(`every ${durationText(window.everyMs)}`);
  if ("offsetMs" in window && window.offsetMs !== 0) {
    parts.push(`offset ${durationText(window.offsetMs)}`);
  }
  return `${parts.join(" ")}, grace ${durationText(window.graceMs)}`;
}

export function expressionText(expression: Expression): string {
  switch (expression.op) {
    case "literal":
      return JSON.stringify(expression.value);
    case "get":
      return expression.path.join(".");
    case "has":
      return `has ${expression.path.join(".")}`;
    case "in":
      return `${operandText(expression.arg)} in ${JSON.stringify(expression.values)}`;
  }
  const operands = expression.args.map(operandText);
  switch (expression.op) {
    case "!":
      return `not ${operands.join("")}`;
    case "all":
      return operands.length === 0 ? "true" : operands.join(" and ");
    case "any":
      return operands.length === 0 ? "false" : operands.join(" or ");
    case "coalesce":
    case "case":
      return `${expression.op}(${expression.args.map(expressionText).join(", ")})`;
    default:
      return operands.join(` ${expression.op} `);
  }
}

/** In parentheses where it has operands of its own to keep together. */
function operandText(expression: Expression): string {
  const text = expressionText(expression);
  const isAlone = ["literal", "get", "coalesce", "case"].includes(expression.op);
  return isAlone ? text : `(${text})`;
}
