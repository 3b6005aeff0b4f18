// How fresh the board is, in words, a mark and a tone; where the log is; what is wrong.

import type { Frame } from "../replay/protocol.ts";
import { announce, byId, setAttribute, write } from "./page.ts";
import { clockTime, counted, day, minuteTime } from "./reading.ts";

/** So many due lines at once are no longer just the next push. */
const BACKLOG_MIN = 1;
const STALE_MS_MIN = 3_000;

type Tone = "ok" | "dim" | "warn" | "alarm";

interface Freshness {
  readonly tone: Tone;
  readonly mark: string;
  readonly words: string;
}

export class FreshnessMark {
  #state = "";

  draw(frame: Frame, silentMs: number, goneReason: string | null, isLookingBack: boolean): void {
    const { tone, mark, words } = freshnessOf(frame, silentMs, goneReason, isLookingBack);
    const element = byId("fresh");
    setAttribute(element, "data-tone", tone);
    write(element.firstElementChild!, mark);
    write(byId("fresh-words"), words);
    if (frame.clock !== null) {
      write(byId("clock"), clockTime(frame.clock));
      setAttribute(byId("clock"), "datetime", new Date(frame.clock).toISOString());
      write(byId("date"), day(frame.clock));
    }
    drawStorage(frame);
    this.#announce(frame);
  }

  #announce({ state, skipped }: Frame): void {
    if (skipped !== null) {
      const from = `${day(skipped.from)} ${minuteTime(skipped.from)}`;
      announce(
        `Passed over the silence from ${from} to ${day(skipped.to)} ${minuteTime(skipped.to)}.`,
      );
    }
    if (state === this.#state) return;
    this.#state = state;
    if (state === "ended") announce("The recording has ended.");
    if (state === "paused") announce("Paused.");
    if (state === "playing") announce("Playing.");
  }
}

function freshnessOf(
  { state, backlog, behindMs }: Frame,
  silentMs: number,
  goneReason: string | null,
  isLookingBack: boolean,
): Freshness {
  const silence = `${Math.round(silentMs / 1000)} s`;
  if (goneReason !== null) return { tone: "alarm", mark: "■", words: `stale ${silence}` };
  if (silentMs > STALE_MS_MIN) return { tone: "warn", mark: "▲", words: `stale ${silence}` };
  if (state === "opening") return { tone: "dim", mark: "○", words: "reading the log" };
  if (isLookingBack) return { tone: "dim", mark: "◀", words: "looking back" };
  if (state === "ended") return { tone: "dim", mark: "■", words: "the recording has ended" };
  if (state === "paused") return { tone: "dim", mark: "❚❚", words: "paused" };
  if (backlog >= BACKLOG_MIN) {
    return { tone: "warn", mark: "▲", words: `catching up ${counted(backlog, "event")}` };
  }
  return { tone: "ok", mark: "●", words: `live, ${(behindMs / 1000).toFixed(1)} s behind` };
}

function drawStorage({ storage, state }: Frame): void {
  const words = {
    durable: "log kept in this browser",
    "best-effort": "log in this browser, which may evict it",
    memory: "log in memory only: a reload forgets it",
  }[storage.mode];
  const element = byId("storage");
  const isFallback = storage.reason !== null;
  write(element, state === "opening" ? "" : isFallback ? `▲ ${words}` : words);
  setAttribute(element, "title", storage.reason);
  element.classList.toggle("flag", isFallback);
}
