// An exported log, cut into its pushes: a control line begins a chunk, and a chunk is a push. A
// tick before the first control line is a push of its own, and so is a host fact without one. What
// cannot be replayed is refused.

import { decoder } from "../event/utf8.ts";
import type { ZoneYear } from "../event/zone.ts";
import { factOf, poisonedBy, type ReprocessFact } from "../ingest/fact.ts";
import { tickOf } from "../ingest/tick.ts";
import { PushBuffer, type Push } from "./push.ts";
import { placeText, type Place, type RecordedLine } from "./recording.ts";

/** The log cannot be replayed; the message is one sentence that names a line. */
export class LogFault extends Error {}

type ReceivedAt = null | number | readonly (number | null)[];

/** The control line of a chunk. */
interface Control {
  readonly position: number;
  readonly receivedAt: ReceivedAt;
  /** Its lines came out of the quarantine. */
  readonly released: boolean;
  /** Years of time zones that the chunk's entries are the first to need. */
  readonly zones: readonly ZoneYear[];
  readonly place: Place;
}

export interface LogPush extends Push {
  /** Null for a tick or a fact that no control line precedes. */
  readonly control: Control | null;
  /** The push is a mark (ingest/poison.ts) or a reprocess, not events and ticks. */
  readonly isFact: boolean;
  readonly reprocess: ReprocessFact | null;
}

type HostFact = ReprocessFact | "mark";

const CONTROL = /^[ \t]*\{[ \t]*"(?:chunk|tick|fact|released|zones)"[ \t]*:/;
/** More than a control line has before its first colon. */
const CONTROL_BYTES = 64;
const ENVELOPE = ["eventId", "specversion"];

export class LogCutter {
  readonly #buffer = new PushBuffer();
  #control: Control | null = null;
  #fact: HostFact | null = null;
  /** One that no control line precedes, after the one that was just given. */
  #alone: LogPush | null = null;

  /** The push that this line shows to be whole. */
  add(line: RecordedLine): LogPush | null {
    const { bytes, place } = line;
    const isTick = tickOf(bytes, 0, bytes.length) !== null;
    const fact = isTick ? null : hostFactOf(bytes);
    const control = isTick || fact !== null ? null : controlOf(line);
    if (control !== null) {
      const push = this.end();
      this.#control = control;
      return push;
    }
    if (fact === "unknown") throw new LogFault(`${placeText(place)}: No such fact is known.`);
    if (this.#fact !== null) {
      throw new LogFault(`${placeText(place)}: A fact is a chunk of its own.`);
    }
    const isAlone = this.#control === null || (fact !== null && this.#buffer.count > 0);
    if (isAlone && (isTick || fact !== null)) return this.#takeAlone(line, fact);
    this.#buffer.add(line);
    if (this.#control !== null) {
      this.#fact = fact;
      return null;
    }
    const way = "a recording is run without --log";
    throw new LogFault(`${placeText(place)}: A log's events stand behind a control line: ${way}.`);
  }

  /** A push of its own, after the one that the line ends, if there is one. */
  #takeAlone(line: RecordedLine, fact: HostFact | null): LogPush | null {
    const before = this.end();
    this.#buffer.add(line);
    const alone = { ...this.#buffer.take(), control: null, ...pushed(fact) };
    if (before === null) return alone;
    this.#alone = alone;
    return before;
  }

  /** The last push. */
  end(): LogPush | null {
    const control = this.#control;
    const alone = this.#alone;
    this.#alone = null;
    if (alone !== null) return alone;
    if (control === null) return null;
    const push = { ...this.#buffer.take(), control, ...pushed(this.#fact) };
    checkCount(control, push.places.length);
    this.#control = null;
    this.#fact = null;
    return push;
  }
}

function hostFactOf(bytes: Uint8Array): HostFact | "unknown" | null {
  const fact = factOf(bytes);
  if (fact !== "unknown") return fact;
  return poisonedBy({ count: 1, lines: bytes }) === null ? fact : "mark";
}

function pushed(fact: HostFact | null): Pick<LogPush, "isFact" | "reprocess"> {
  return { isFact: fact !== null, reprocess: fact === "mark" ? null : fact };
}

/**
 * What a push is given, once it is known to stand where the engine does; `isWhole`: it took all of
 * the lines before.
 */
export function receivedAtOf({ control }: LogPush, position: number, isWhole = true): ReceivedAt {
  if (control === null) return null;
  if (control.position === position) return control.receivedAt;
  const at = `begins at position ${control.position}`;
  const found = `The chunk ${at} when ${position} is next`;
  const way = isWhole
    ? ": give the log in order, from its start"
    : ", since not all lines before it were accepted: give the plan that accepted them";
  throw new LogFault(`${placeText(control.place)}: ${found}${way}.`);
}

function checkCount({ receivedAt, place }: Control, entries: number): void {
  if (entries === 0) throw new LogFault(`${placeText(place)}: The chunk has no entries.`);
  if (receivedAt === null || typeof receivedAt === "number") return;
  if (receivedAt.length === entries) return;
  const times = `The chunk has ${receivedAt.length} receive times for ${entries} entries`;
  throw new LogFault(`${placeText(place)}: ${times}.`);
}

/** Null where the line is an event: one may have a member of a control line's name. */
function controlOf({ bytes, place }: RecordedLine): Control | null {
  if (!CONTROL.test(decoder.decode(bytes.subarray(0, CONTROL_BYTES)))) return null;
  const line = recordOf(parse(bytes));
  if (line !== null && ENVELOPE.some((name) => Object.hasOwn(line, name))) return null;
  const chunk = recordOf(line?.["chunk"]);
  const position = chunk?.["position"];
  const receivedAt = chunk?.["receivedAt"];
  const zones = line?.["zones"] ?? [];
  const isWhole = Object.keys(line ?? {}).every((name) => name === "chunk" || name === "zones");
  const released = chunk !== null && Object.hasOwn(chunk, "released");
  const isKnown = released
    ? chunk["released"] === true && Object.keys(chunk).length === 3
    : Object.keys(chunk ?? {}).length === 2;
  if (isWhole && isKnown && isPosition(position) && isReceivedAt(receivedAt) && areYears(zones)) {
    return { position, receivedAt, released, zones, place };
  }
  throw new LogFault(`${placeText(place)}: The control line is malformed.`);
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return null;
  }
}

function recordOf(value: unknown): { readonly [name: string]: unknown } | null {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  return isRecord ? (value as { readonly [name: string]: unknown }) : null;
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isReceivedAt(value: unknown): value is ReceivedAt {
  const times: readonly unknown[] = Array.isArray(value) ? value : [value];
  return times.every((time) => time === null || Number.isSafeInteger(time));
}

function areYears(value: unknown): value is readonly ZoneYear[] {
  return Array.isArray(value) && value.every(isYear);
}

function isYear(value: unknown): boolean {
  const year = recordOf(value);
  const starts = year?.["starts"];
  const isNamed = typeof year?.["zone"] === "string" && Number.isSafeInteger(year["year"]);
  return isNamed && Array.isArray(starts) && starts.length > 0 && starts.every(isStart);
}

function isStart(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value.every(Number.isSafeInteger);
}
