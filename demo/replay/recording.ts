// The recording in memory: the bytes as recorded, where each line begins, when it arrived. Pushes
// are slices of it. It also knows the silences between evenings, which the player passes over.

import type { Density, RestaurantFact } from "./protocol.ts";

/** A longer silence than this is passed over. */
export const SILENCE_MS_MAX = 10 * 60_000;
const DENSITY_PARTS = 180;
const NEWLINE = 10;
/** A line's type stands within its first bytes. */
const TYPE_BYTES_MAX = 160;
const ARRIVAL = /"receivedAt":(\d{1,16})\}$/;
const ARRIVAL_BYTES_MAX = 40;

const decoder = new TextDecoder();

interface Silence {
  readonly from: number;
  readonly to: number;
}

export class Recording {
  readonly bytes: Uint8Array;
  /** Where each line begins, and the end of the last. */
  readonly #starts: readonly number[];
  /** As recorded, null where a line does not say. */
  readonly #receivedAt: readonly (number | null)[];
  /** When a line arrived; one that does not say came with the one before. */
  readonly #arrivals: readonly number[];
  readonly #silences: readonly Silence[];
  readonly #orders: readonly number[];
  readonly #facts: readonly { readonly line: number; readonly fact: RestaurantFact }[];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    const starts = [0];
    const receivedAt: (number | null)[] = [];
    const arrivals: number[] = [];
    const silences: Silence[] = [];
    const orders: number[] = [];
    const facts: { line: number; fact: RestaurantFact }[] = [];
    for (let start = 0; start < bytes.length;) {
      const newline = bytes.indexOf(NEWLINE, start);
      const end = newline < 0 ? bytes.length : newline;
      const line = arrivals.length;
      const before = arrivals[line - 1] ?? 0;
      const told = arrivalOf(bytes, start, end);
      const arrival = Math.max(told ?? 0, before);
      if (line > 0 && arrival - before > SILENCE_MS_MAX)
        silences.push({ from: before, to: arrival });
      receivedAt.push(told);
      arrivals.push(arrival);
      const head = decoder.decode(bytes.subarray(start, Math.min(end, start + TYPE_BYTES_MAX)));
      if (head.includes('"eventType":"order.created"')) orders.push(line);
      if (head.includes('"eventType":"restaurant.updated"')) {
        const fact = factOf(decoder.decode(bytes.subarray(start, end)));
        if (fact !== null) facts.push({ line, fact });
      }
      start = end + 1;
      starts.push(start);
    }
    this.#starts = starts;
    this.#receivedAt = receivedAt;
    this.#arrivals = arrivals;
    this.#silences = silences;
    this.#orders = orders;
    this.#facts = facts;
  }

  get lines(): number {
    return this.#arrivals.length;
  }

  /** When a line arrived, ms since 1970; of a line beyond the last: of the last. */
  arrival(line: number): number {
    return this.#arrivals[Math.min(line, this.lines - 1)] ?? 0;
  }

  /** The first line from `line` on that arrives after `time`. */
  lineAfter(time: number, line: number): number {
    let low = line;
    let high = this.lines;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#arrivals[middle]! <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first order's line: what stands before it are the registers. */
  get firstOrder(): number {
    return this.#orders[0] ?? 0;
  }

  /** Lines [from, to) as a buffer of their own. */
  slice(from: number, to: number): Uint8Array {
    return this.bytes.slice(this.#starts[from], this.#starts[to]);
  }

  receivedAt(from: number, to: number): (number | null)[] {
    return this.#receivedAt.slice(from, to);
  }

  /** Whether a line is these bytes, its newline left out. */
  isLine(line: number, bytes: Uint8Array): boolean {
    const start = this.#starts[line]!;
    const end = start + bytes.length;
    if (end > this.bytes.length || this.#starts[line + 1]! - 1 !== end) return false;
    for (let at = 0; at < bytes.length; at++) {
      if (this.bytes[start + at] !== bytes[at]) return false;
    }
    return true;
  }

  /** What the register said of restaurants in lines [from, to). */
  restaurants(from: number, to: number): RestaurantFact[] {
    const told = this.#facts.filter(({ line }) => line >= from && line < to);
    return told.map(({ fact }) => fact);
  }

  /** 0 to 1 of the playing time: the silences take none. */
  progress(time: number): number {
    const first = this.arrival(this.firstOrder);
    const played = this.#played(Math.max(time, first)) - this.#played(first);
    return Math.min(1, played / this.#playingMs);
  }

  density(): Density {
    const orders = Array.from({ length: DENSITY_PARTS }, () => 0);
    for (const line of this.#orders) {
      const part = Math.floor(this.progress(this.arrival(line)) * DENSITY_PARTS);
      orders[Math.min(part, DENSITY_PARTS - 1)]!++;
    }
    const first = this.arrival(this.firstOrder);
    const starts = orders.map((_, part) => this.#timeAt(first, part / DENSITY_PARTS));
    return { orders, starts };
  }

  get #playingMs(): number {
    const end = this.#played(this.arrival(this.lines - 1));
    return Math.max(1, end - this.#played(this.arrival(this.firstOrder)));
  }

  /** `time` less the silences before it. */
  #played(time: number): number {
    const passed = this.#silences.map(({ from, to }) => Math.max(0, Math.min(time, to) - from));
    return passed.reduce((left, silence) => left - silence, time);
  }

  #timeAt(first: number, progress: number): number {
    let time = first + progress * this.#playingMs;
    for (const { from, to } of this.#silences) if (time > from) time += to - from;
    return Math.round(time);
  }
}

function arrivalOf(bytes: Uint8Array, start: number, end: number): number | null {
  const tail = decoder.decode(bytes.subarray(Math.max(start, end - ARRIVAL_BYTES_MAX), end));
  const found = ARRIVAL.exec(tail);
  return found === null ? null : Number(found[1]);
}

function factOf(line: string): RestaurantFact | null {
  try {
    const { data } = JSON.parse(line) as { data?: Record<string, unknown> };
    const { restaurantId, name, zoneId, cuisine } = data ?? {};
    if (typeof restaurantId !== "string") return null;
    return {
      restaurantId,
      name: typeof name === "string" ? name : restaurantId,
      zoneId: typeof zoneId === "string" ? zoneId : "",
      cuisine: typeof cuisine === "string" ? cuisine : "",
    };
  } catch {
    return null;
  }
}

/** Fetches a recording; gzip is told by its first bytes, since some servers unpack on the way. */
export async function fetchRecording(url: string): Promise<Recording> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`Got ${response.status} when asking for the recording.`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return new Recording(bytes);
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Recording(new Uint8Array(await new Response(unpacked).arrayBuffer()));
}
