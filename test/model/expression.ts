// Expressions (contract.md, "A plan"): what one gives, read over a root of members.

import { compareUtf8, readPath, type Json } from "./json.ts";
import type { ExpressionJson } from "./plan.ts";

/** "Wherever `of`, `on` or a key takes a path, it takes an expression too." */
export function valueOf(pathOrExpression: ExpressionJson, root: Json): Json {
  if (typeof pathOrExpression === "string") return readPath(root, pathOrExpression);
  return evaluate(pathOrExpression, root);
}

/** "A condition holds only if it is `true`." */
export function holds(condition: Json | undefined, root: Json): boolean {
  return condition === undefined || evaluate(condition, root) === true;
}

export function evaluate(expression: Json, root: Json): Json {
  if (!Array.isArray(expression)) return expression;
  const [operator, ...operands] = expression as readonly Json[];
  const value = (index: number): Json => evaluate(operands[index]!, root);
  switch (operator) {
    case "get":
      return readPath(root, String(operands[0]));
    case "has":
      return readPath(root, String(operands[0])) !== null;
    case "==":
      return equal(value(0), value(1));
    case "!=":
      return !equal(value(0), value(1));
    case "<":
    case "<=":
    case ">":
    case ">=":
      return compare(operator, value(0), value(1));
    case "all":
      return operands.every((each) => evaluate(each, root) === true);
    case "any":
      return operands.some((each) => evaluate(each, root) === true);
    case "!":
      return value(0) !== true;
    case "in":
      return (operands[1] as readonly Json[]).some((literal) => equal(value(0), literal));
    case "+":
    case "-":
    case "*":
    case "/":
    case "%":
      return arithmetic(operator, value(0), value(1));
    case "coalesce":
      return operands.map((each) => evaluate(each, root)).find((each) => each !== null) ?? null;
    case "case":
      return chooseCase(operands, root);
    default:
      throw new Error(`The model knows no operator ${JSON.stringify(operator)}.`);
  }
}

/** "A comparison with null, across types, or with an array or object is false." */
function equal(a: Json, b: Json): boolean {
  return a !== null && typeof a !== "object" && a === b;
}

/** "`<` and its kin compare numbers, or strings by UTF-8 bytes." */
function compare(operator: "<" | "<=" | ">" | ">=", a: Json, b: Json): boolean {
  let order: number;
  if (typeof a === "number" && typeof b === "number") order = a < b ? -1 : a > b ? 1 : 0;
  else if (typeof a === "string" && typeof b === "string") order = compareUtf8(a, b);
  else return false;
  if (operator === "<") return order < 0;
  if (operator === "<=") return order <= 0;
  if (operator === ">") return order > 0;
  return order >= 0;
}

/** "Arithmetic with anything but numbers gives null, and so does a result that is not finite." */
function arithmetic(operator: "+" | "-" | "*" | "/" | "%", a: Json, b: Json): Json {
  if (typeof a !== "number" || typeof b !== "number") return null;
  const results = { "+": a + b, "-": a - b, "*": a * b, "/": a / b, "%": a % b };
  const result = results[operator];
  return Number.isFinite(result) ? result : null;
}

/** "`case` without an otherwise gives null." */
function chooseCase(operands: readonly Json[], root: Json): Json {
  let index = 0;
  for (; index + 1 < operands.length; index += 2) {
    if (evaluate(operands[index]!, root) === true) return evaluate(operands[index + 1]!, root);
  }
  return index < operands.length ? evaluate(operands[index]!, root) : null;
}
