// How long to leave a server alone: as long as it asks (`Retry-After`), and by ourselves longer
// after each failure, by chance, so that a thousand tills do not come back at one instant.

import type { BackOff } from "./outbox.ts";

const FIRST_MS = 1000;
const LONGEST_MS = 60_000;
/** A server that asks for more is asked again after a day: it is likely to be mistaken. */
const ASKED_MS_MAX = 86_400_000;

/** `failed` tries failed before this one; `askedMs` is null where the server did not ask. */
export function backOffAfter(
  failed: number,
  askedMs: number | null,
  nowMs: number,
  random: number,
): BackOff {
  const spanMs = Math.min(FIRST_MS * 2 ** failed, LONGEST_MS);
  const ownMs = (spanMs * (1 + random)) / 2;
  const serverMs = askedMs === null ? 0 : Math.min(askedMs, ASKED_MS_MAX) + random * FIRST_MS;
  const untilMs = nowMs + Math.ceil(Math.max(ownMs, serverMs));
  return { fromMs: nowMs, untilMs, attempts: failed + 1 };
}

/** The same; one that was decided in the future, by a clock that was since set back, begins now. */
export function rebased(backOff: BackOff, nowMs: number): BackOff {
  const fromMs = Math.min(backOff.fromMs, nowMs);
  return { ...backOff, fromMs, untilMs: backOff.untilMs + fromMs - backOff.fromMs };
}

/** `Retry-After` in ms: seconds, or an HTTP date by the server's own clock where that is known. */
export function retryAfterMs(headers: Headers, nowMs: number): number | null {
  const asked = headers.get("Retry-After") ?? "";
  if (/^\d+$/.test(asked)) return Number(asked) * FIRST_MS;
  const untilMs = Date.parse(asked) - (Date.parse(headers.get("Date") ?? "") || nowMs);
  return untilMs >= 0 ? untilMs : null;
}
