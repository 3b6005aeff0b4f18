// Where in the recording a log ends. Nothing is kept beside the log that could disagree with it:
// its last entry is a line of the recording, byte for byte, and the replay goes on behind it. Lines
// behind it that were refused come again, and are refused again: that changes nothing.

import type { Engine } from "../../engine/index.ts";
import type { Recording } from "./recording.ts";

const encoder = new TextEncoder();

/** The first line that is not in the log; null where the log is of another recording. */
export async function lineAfterLog(engine: Engine, recording: Recording): Promise<number | null> {
  const { position } = engine.stats();
  if (position === 0) return 0;
  const last = await lastLine(engine, position);
  // A line that was refused has no position, so the last entry stands at its position or behind.
  for (let line = position - 1; line < recording.lines; line++) {
    if (recording.isLine(line, last)) return line + 1;
  }
  return null;
}

async function lastLine(engine: Engine, position: number): Promise<Uint8Array> {
  let chunk = "";
  for await (const text of engine.log({ from: position - 1 })) chunk = text;
  const lines = chunk.trimEnd().split("\n");
  return encoder.encode(lines.at(-1) ?? "");
}
