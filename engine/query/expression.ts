/** An expression of a plan, checked: what the compiler takes, and every reader can trust. */

export type Literal = null | boolean | number | string;

export type Operator =
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "all"
  | "any"
  | "!"
  | "+"
  | "-"
  | "*"
  | "/"
  | "%"
  | "coalesce"
  | "case";

export type Expression =
  | { readonly op: "literal"; readonly value: Literal }
  | { readonly op: "get"; readonly path: readonly string[] }
  | { readonly op: "has"; readonly path: readonly string[] }
  | { readonly op: Operator; readonly args: readonly Expression[] }
  | { readonly op: "in"; readonly arg: Expression; readonly values: readonly Literal[] };
