// A process with an engine on an SQLite file, which pushes until it is killed. After each receipt it
// tells the position up to which the log is durable; the snapshots come in between.

import { writeSync } from "node:fs";
import { open } from "../../engine/open.ts";
import { sqlite } from "../../engine/store/node-sqlite.ts";
import { PLAN, linesFrom } from "./node-sqlite-feed.ts";

const STDOUT = 1;
const SNAPSHOT_EVERY = 7;

const engine = await open({ plan: PLAN, store: sqlite(process.argv[2]!) });
for (let pushes = 1, position = engine.stats().position; ; pushes++) {
  const receipt = await engine.push(linesFrom(position, 1 + (position % 50)));
  position = receipt.position;
  writeSync(STDOUT, `${position}\n`);
  if (pushes % SNAPSHOT_EVERY === 0) await engine.snapshot();
}
