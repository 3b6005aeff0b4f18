// The inputs as files, made once from their seed and kept in build/. A change of the generator
// makes them again, since its source is in their names.

import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { renameSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { eventBlocks, type EventSpec } from "./events.ts";

export const BUILD = fileURLToPath(new URL("./build/", import.meta.url));

const GENERATOR = createHash("sha256")
  .update(readFileSync(new URL("./events.ts", import.meta.url)))
  .digest("hex")
  .slice(0, 8);

/** The file of the events of `spec`; makes it where it is missing. */
export function inputPath(spec: EventSpec): string {
  const { kind, events, keys, uniform, stepMs, seed } = spec;
  const spread = uniform ? "uniform" : "skewed";
  const name = [kind, events, `${keys}-${spread}`, `${stepMs}ms`, `seed-${seed}`, GENERATOR];
  const path = `${BUILD}inputs/${name.join("_")}.ndjson`;
  if (existsSync(path)) return path;
  mkdirSync(`${BUILD}inputs`, { recursive: true });
  const partial = `${path}.${process.pid}`;
  const file = openSync(partial, "w");
  for (const block of eventBlocks(spec)) writeSync(file, block);
  closeSync(file);
  renameSync(partial, path);
  return path;
}
