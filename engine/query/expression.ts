/**
 * An expression of a plan, checked: what the compiler takes, and every reader can trust.
 *
 * Here stands the grammar: which operators there are, how many operands each takes, what a string
 * means where. What a path may name is the scope's: an event's members, or, in `derive`, the
 * aggregates of the query. Nothing is evaluated here, and no type is inferred.
 */
import type { PlanFaultCode } from "./plan-fault.ts";
import { EXPRESSION_DEPTH_MAX, EXPRESSION_PARTS_MAX, PATH_SEGMENTS_MAX } from "./plan-limit.ts";
import { didYouMean, quote, typeName, type Place } from "./plan-place.ts";
import { BINARY, CHAINS, SPAN_MEMBERS } from "./vocabulary.ts";

export type Literal = null | boolean | number | string;

export type Operator = keyof typeof BINARY | keyof typeof CHAINS | "!" | "case";

export type Expression =
  | { readonly op: "literal"; readonly value: Literal }
  | { readonly op: "get"; readonly path: readonly string[] }
  | { readonly op: "has"; readonly path: readonly string[] }
  | { readonly op: Operator; readonly args: readonly Expression[] }
  | { readonly op: "in"; readonly arg: Expression; readonly values: readonly Literal[] };

/** What paths name where an expression stands: that of `text`, which stands at `place`. */
export type Scope = (place: Place, text: string) => readonly string[];

const ALONE = { get: 1, has: 1, "!": 1 };
const OPERATORS = { ...BINARY, ...CHAINS, ...ALONE, in: 2, case: 2 };

/** The fewest and the most operands of an operator. */
function operandsOf(op: keyof typeof OPERATORS): readonly [least: number, most: number] {
  if (op in CHAINS) return [0, Infinity];
  if (op in ALONE) return [1, 1];
  return [2, op === "case" ? Infinity : 2];
}

/** What is read where an expression is at fault. */
export const NOTHING: Expression = { op: "literal", value: null };

const SPAN_NAMES = Object.keys(SPAN_MEMBERS);

/** What is left of an expression's limits. `spent` is told once, then the rest is not read. */
interface Budget {
  parts: number;
  spent: boolean;
}

/** One place that reads a path. */
export interface Read {
  readonly text: string;
  readonly pointer: string;
}

/** Paths into events, spans and what `with` found. What is read is added to `fields`. */
export function eventScope(fields: Read[], reads: "events" | "spans"): Scope {
  return (place, text) => {
    const path = checkPath(place, text);
    if (path.length === 0) return path;
    const [root, member] = path;
    const strange = member !== undefined && (path.length > 2 || !SPAN_NAMES.includes(member));
    if (reads === "spans" && root === "span" && strange) {
      const names = SPAN_NAMES.map((each) => `span.${each}`);
      const hint = didYouMean(text, names) || `A span has ${SPAN_NAMES.join(", ")}.`;
      place.add("bad_path", hint);
      return path;
    }
    fields.push({ text, pointer: place.pointer });
    return path;
  };
}

/** The aggregates of a query, each by its whole name, dots included. */
export function aggregateScope(names: readonly string[]): Scope {
  return (place, text) => {
    if (names.includes(text)) return [text];
    const hint = didYouMean(text, names) || `Got ${quote(text)}; derived members see no others.`;
    place.add("unknown_aggregate", hint);
    return [];
  };
}

/** An expression, as in `derive`: a string is a literal. */
export function checkExpression(scope: Scope, place: Place): Expression {
  return checkPart(scope, place, 1, { parts: EXPRESSION_PARTS_MAX, spent: false });
}

/** As in a key, `of` and `on`: a string is a path. Null would be a value that is never there. */
export function checkPathOrExpression(scope: Scope, place: Place): Expression {
  const { value } = place;
  if (typeof value === "string") return { op: "get", path: scope(place, value) };
  if (value !== null) return checkExpression(scope, place);
  place.isNo("a path or an expression");
  return NOTHING;
}

/** As in `where`: only true holds, so a string, a number or null there is a slip. */
export function checkCondition(scope: Scope, place: Place): Expression {
  const { value } = place;
  if (typeof value === "boolean" || Array.isArray(value)) return checkExpression(scope, place);
  const hint = typeof value === "string" ? ` A path is read with ["get", ${quote(value)}].` : "";
  place.isNo("a condition", hint);
  return NOTHING;
}

/** Its names, none where it is at fault. */
function checkPath(place: Place, text: string): readonly string[] {
  const path = text.split(".");
  if (path.includes("__proto__")) place.add("forbidden_name");
  else if (path.includes("")) place.add("bad_path", `Got ${quote(text)}.`);
  else if (!text.isWellFormed()) place.add("bad_path", "Got a lone surrogate.");
  else if (path.length > PATH_SEGMENTS_MAX) place.add("bad_path", `Got ${path.length} names.`);
  else return path;
  return [];
}

function checkPart(scope: Scope, place: Place, depth: number, budget: Budget): Expression {
  const { value } = place;
  if (!spend(place, depth, budget)) return NOTHING;
  if (!Array.isArray(value)) return { op: "literal", value: checkLiteral(place, "bad_expression") };
  const op: unknown = value[0];
  if (typeof op !== "string") {
    place.add("bad_expression", `Got ${typeName(op)} as its operator.`);
    return NOTHING;
  }
  if (!isOperator(op)) {
    const hint = didYouMean(op, Object.keys(OPERATORS)) || `Got ${quote(op)}.`;
    place.child(0).add("unknown_operator", hint);
    return NOTHING;
  }
  const counted = checkCount(place, op, value.length - 1);
  if (op === "get" || op === "has") return counted ? checkRead(scope, place.child(1), op) : NOTHING;
  if (op === "in") return counted ? checkIn(scope, place, depth, budget) : NOTHING;
  const args: Expression[] = [];
  for (let index = 1; index < value.length && !budget.spent; index++) {
    args.push(checkPart(scope, place.child(index), depth + 1, budget));
  }
  if (op === "case" && args.length % 2 === 0) args.push(NOTHING);
  return { op, args };
}

function checkRead(scope: Scope, place: Place, op: "get" | "has"): Expression {
  const { value } = place;
  if (typeof value === "string") return { op, path: scope(place, value) };
  place.add("bad_path", `Got ${typeName(value)}.`);
  return NOTHING;
}

function checkIn(scope: Scope, place: Place, depth: number, budget: Budget): Expression {
  const arg = checkPart(scope, place.child(1), depth + 1, budget);
  const listed = place.child(2);
  const { value } = listed;
  const values: Literal[] = [];
  if (!Array.isArray(value)) listed.isNo("a list of literals");
  else {
    for (let index = 0; index < value.length; index++) {
      const element = listed.child(index);
      if (!spend(element, depth + 1, budget)) break;
      values.push(checkLiteral(element));
    }
  }
  return { op: "in", arg, values };
}

/** No -0: its canonical text is 0. `otherwise`: what a thing of another type is. */
function checkLiteral(place: Place, otherwise: PlanFaultCode = "bad_literal"): Literal {
  const { value } = place;
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number") {
    return Number.isFinite(value) ? value + 0 : place.add("bad_literal", `Got ${value}.`);
  }
  if (typeof value !== "string") return place.add(otherwise, `Got ${typeName(value)}.`);
  return value.isWellFormed() ? value : place.add("bad_literal", "Got a lone surrogate.");
}

function checkCount(place: Place, op: keyof typeof OPERATORS, got: number): boolean {
  const [least, most] = operandsOf(op);
  if (got >= least && got <= most) return true;
  const expected = least === most ? String(least) : `at least ${least}`;
  place.add("operand_count", `Got ${got} when ${quote(op)} takes ${expected}.`);
  return false;
}

/** Takes one part from the budget; a cycle ends here too, as an expression that is too deep. */
function spend(place: Place, depth: number, budget: Budget): boolean {
  if (budget.spent) return false;
  budget.parts -= 1;
  budget.spent = depth > EXPRESSION_DEPTH_MAX || budget.parts < 0;
  if (!budget.spent) return true;
  place.add(budget.parts < 0 ? "expression_too_large" : "expression_too_deep");
  return false;
}

function isOperator(op: string): op is keyof typeof OPERATORS {
  return Object.hasOwn(OPERATORS, op);
}
