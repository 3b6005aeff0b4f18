// What a contender is: something that does one task with one input, in a process of its own.
// `start` prepares, untimed; `run` is timed; `answer` tells, untimed, what came out, so that it can
// be compared with ours before anything is timed.

import type { Answer } from "./answer.ts";

/** What is done; the plans of ours are in plans.ts. */
export type TaskName =
  /** Bytes to count, sum, min and max of each restaurant's five minutes, deduplicated. */
  | "four"
  /** The same, and every change told to a listener after each push. */
  | "four-told"
  /** The same as `four`, and every event checked by a schema. */
  | "four-checked"
  /** Three queries: quantiles, distinct and top values, sessions. */
  | "distributions"
  /** Count and sum of each restaurant's hour, begun every minute. */
  | "hopping"
  /** Count and sum of each restaurant's hour. */
  | "hourly"
  /** A snapshot of so many windows as there are events, opened. */
  | "restore"
  /** From nothing to the first window. */
  | "cold"
  /** What the state takes in memory. */
  | "memory"
  /** What a request and a standing view cost. */
  | "views";

export interface Input {
  /** Whole lines, about 1 MiB each, each of a buffer of its own. */
  readonly chunks: readonly Uint8Array<ArrayBuffer>[];
  /** Lines. */
  readonly events: number;
  /** The same lines in a file, where there are files. */
  readonly path?: string;
  /** A file of the bench's own build, by name. */
  readonly asset: (name: string) => Promise<Uint8Array<ArrayBuffer>>;
}

export interface Task {
  run(): void | Promise<void>;
  /** After `run`. */
  answer(): Answer | Promise<Answer>;
  /** What was measured beside the time of `run`, if anything: by name, with its unit. */
  figures?(): Record<string, number>;
  stop?(): void | Promise<void>;
}

export interface Contender {
  start(task: TaskName, input: Input): Task | Promise<Task>;
}

const CHUNK_BYTES = 1 << 20;
const NEWLINE = 0x0a;

/** Cuts at line ends; the bytes are copied. */
export function cutLines(bytes: Uint8Array): Pick<Input, "chunks" | "events"> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let events = 0;
  for (let start = 0; start < bytes.length;) {
    let end = start;
    while (end < bytes.length) {
      const next = bytes.indexOf(NEWLINE, end) + 1 || bytes.length;
      if (next - start > CHUNK_BYTES && end > start) break;
      end = next;
      events++;
    }
    chunks.push(new Uint8Array(bytes.subarray(start, end)));
    start = end;
  }
  return { chunks, events };
}

/** The lines of a chunk, as every JavaScript contender splits them. */
export function linesOf(decoder: TextDecoder, chunk: Uint8Array): string[] {
  const lines = decoder.decode(chunk).split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

export const WINDOW_MS = 300_000;

/** What the JavaScript contenders read of an event. */
export interface ParsedOrder {
  readonly eventId: string;
  readonly eventTime: string;
  readonly data: {
    readonly restaurantId: string;
    readonly customerId: string;
    readonly orderTotal?: number;
  };
}
