// All rows of all views, in the order of changes: printed, or hashed; and lines of JSON.

import { createHash } from "node:crypto";
import type { Engine } from "../engine.ts";
import { canonical } from "../event/canonical.ts";
import type { Json, JsonObject } from "../event/envelope.ts";
import type { Row } from "../live/change.ts";
import type { Output } from "./output.ts";

const LINES_A_WRITE = 1000;

export async function printRows(engine: Engine, stdout: Output): Promise<void> {
  for (const { name } of engine.plan.queries) {
    await printLines(engine.view(name).rows(), stdout);
  }
}

/** SHA-256 of the rows, each as canonical JSON and a newline; 64 hex digits. */
export function viewHash(engine: Engine): string {
  const hash = createHash("sha256");
  for (const { name } of engine.plan.queries) {
    for (const row of engine.view(name).rows()) hash.update(`${canonical(jsonOf(row))}\n`);
  }
  return hash.digest("hex");
}

/** One JSON object a line, a part at a time: all of them may be more than a string holds. */
export async function printLines(items: readonly object[], stdout: Output): Promise<void> {
  for (let from = 0; from < items.length; from += LINES_A_WRITE) {
    await stdout.write(jsonLines(items.slice(from, from + LINES_A_WRITE)));
  }
}

function jsonLines(items: readonly object[]): string {
  return items.map((item) => `${JSON.stringify(item)}\n`).join("");
}

function jsonOf({ query, key, window, value, final, revision }: Row): Json {
  return {
    query,
    key: { ...key },
    window: { ...window },
    value: { ...value } as JsonObject,
    final,
    revision,
  };
}
