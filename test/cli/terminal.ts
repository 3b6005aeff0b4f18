// The command line in this process: words and input in, exit code and text out. Also what the tests
// of it run: a plan, its events, and files in a folder of their own.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll } from "vitest";
import { main } from "../../engine/cli/command.ts";
import type { Change, Row } from "../../engine/index.ts";

export const MINUTE = 60_000;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output, a JSON value a line. */
  readonly changes: readonly Change[];
  readonly rows: readonly Row[];
  /** Standard error, its lines. */
  readonly told: readonly string[];
}

/** A stream that keeps what is written to it; `slow` lets the writer wait for each write. */
export class Sink extends Writable {
  text = "";
  isTTY = false;
  writes = 0;
  readonly #slow: boolean;

  constructor(slow = false) {
    super({ highWaterMark: slow ? 1 : 1 << 20, decodeStrings: false });
    this.#slow = slow;
  }

  override _write(chunk: string, _: BufferEncoding, done: () => void): void {
    this.text += chunk;
    this.writes++;
    if (this.#slow) setImmediate(done);
    else done();
  }
}

export async function* chunksOf(
  input: string | Uint8Array,
  bytes = Infinity,
): AsyncGenerator<Uint8Array> {
  const whole = typeof input === "string" ? Buffer.from(input) : input;
  for (let from = 0; from < whole.length; from += bytes) {
    yield Uint8Array.from(whole.subarray(from, from + bytes));
  }
}

export async function millrace(
  words: readonly string[],
  input: string | Uint8Array | AsyncIterable<Uint8Array> = "",
): Promise<Ran> {
  const stdout = new Sink();
  const stderr = new Sink();
  const isBytes = typeof input === "string" || input instanceof Uint8Array;
  const stdin = isBytes ? chunksOf(input) : input;
  const code = await main(words, { stdin, stdout, stderr });
  const items = stdout.text.startsWith("{") ? linesOf(stdout.text) : [];
  const told = linesOf(stderr.text);
  return {
    code,
    stdout: stdout.text,
    stderr: stderr.text,
    changes: items.map((line) => JSON.parse(line) as Change),
    rows: items.map((line) => JSON.parse(line) as Row),
    told,
  };
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

// ── plans and events ───────────────────────────────────────────────────────────────────────────

/** Counts by `data.k` in windows of a minute with no grace. */
export const QUERY = {
  name: "counts",
  from: ["*"],
  key: { k: "data.k" },
  window: { kind: "tumbling", size: "1m", grace: "0s" },
  aggregate: { n: { fn: "count" }, sum: { fn: "sum", of: "data.x" } },
};

export const PLAN = { version: 1, queries: [QUERY] };

export function event(
  eventId: string,
  timeMs: number,
  more: { readonly [name: string]: unknown } = {},
): string {
  return JSON.stringify({
    eventId,
    eventType: "tested",
    eventVersion: "1.0",
    eventTime: new Date(timeMs).toISOString(),
    correlationId: "c",
    data: { k: "a", x: 1 },
    ...more,
  });
}

/** A folder that goes with the file's tests; answers the path of what it writes. */
export function folder(): (name: string, content: string | Uint8Array | object) => string {
  const path = mkdtempSync(join(tmpdir(), "millrace-cli-"));
  afterAll(() => rmSync(path, { recursive: true }));
  return (name, content) => {
    const file = join(path, name);
    const isRaw = typeof content === "string" || content instanceof Uint8Array;
    writeFileSync(file, isRaw ? content : JSON.stringify(content));
    return file;
  };
}

/** A minute each: 3 events, 1 event, and the event that closes it. */
export const EVENTS = [
  event("e1", 0),
  event("e2", 10, { data: { k: "b", x: 2 } }),
  event("e3", 20),
  event("e4", MINUTE),
  event("e5", 2 * MINUTE),
];
export const INPUT = EVENTS.map((line) => `${line}\n`).join("");
