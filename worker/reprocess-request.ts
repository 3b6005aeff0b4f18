// What a POST asks to be computed again: a query, and the range of event time that its closed
// windows touch.

import { readBytes } from "./body.ts";
import { refusal } from "./problem.ts";

export interface Question {
  readonly query: string;
  /** ms since 1970. */
  readonly from: number;
  readonly to: number;
}

/** Throws a refusal. */
export async function readQuestion(request: Request): Promise<Question> {
  const asked = parsed(new TextDecoder().decode(await readBytes(request)));
  if (typeof asked !== "object" || asked === null) throw refusal("bad_question");
  const { query, from, to } = asked as { readonly [name: string]: unknown };
  if (typeof query !== "string" || !isTime(from) || !isTime(to) || from >= to) {
    throw refusal("bad_question");
  }
  return { query, from, to };
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
