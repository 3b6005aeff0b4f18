// All rows of all views, in the order of changes: printed, or hashed.

import { createHash } from "node:crypto";
import type { Engine } from "../engine.ts";
import { canonical } from "../event/canonical.ts";
import type { Json, JsonObject } from "../event/envelope.ts";
import type { Row } from "../live/change.ts";
import type { Output } from "./output.ts";

const ROWS_A_WRITE = 1000;

export async function printRows(engine: Engine, stdout: Output): Promise<void> {
  for (const { name } of engine.plan.queries) {
    const rows = engine.view(name).rows();
    for (let from = 0; from < rows.length; from += ROWS_A_WRITE) {
      await stdout.write(jsonLines(rows.slice(from, from + ROWS_A_WRITE)));
    }
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

export function jsonLines(items: readonly object[]): string {
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
