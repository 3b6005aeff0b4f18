// Valid events, mutated byte by byte, against an oracle: a fatal TextDecoder and JSON.parse, with
// what the contract forbids beyond JSON looked for on the parsed value and in the text.

import { describe, expect, test } from "vitest";
import { canonical } from "../../engine/event/canonical.ts";
import { decodeEvent, isFault } from "../../engine/ingest/decode.ts";
import { SEEDED_LIMIT_MS, seeded } from "../event/random.ts";
import { mutated } from "./mutation.ts";

const FATAL = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Codes of lines that JSON.parse takes. */
const BEYOND_GRAMMAR = /^(?!too_large$|too_deep$|invalid_json$)/;

function hostText(bytes: Uint8Array): string | null {
  try {
    return FATAL.decode(bytes);
  } catch {
    return null;
  }
}

function hostValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether something in the value is forbidden though JSON.parse takes it. */
function isBeyondJson(value: unknown): boolean {
  if (typeof value === "string") return !value.isWellFormed();
  if (typeof value === "number") return !Number.isFinite(value);
  if (value === null || typeof value !== "object") return false;
  return Object.entries(value).some(
    ([name, item]) => name === "__proto__" || !name.isWellFormed() || isBeyondJson(item),
  );
}

function check(bytes: Uint8Array): "event" | "fault" | "refused" {
  const decoded = decodeEvent(bytes, 0, bytes.length);
  const text = hostText(bytes);
  const value = text === null ? undefined : hostValue(text);
  if (text === null) {
    expect(decoded).toMatchObject({ code: "invalid_utf8", pointer: "" });
    return "refused";
  }
  if (value === undefined) {
    expect(decoded).toMatchObject({ code: "invalid_json", pointer: "" });
    return "refused";
  }
  if (isFault(decoded)) {
    expect(decoded.code).toMatch(BEYOND_GRAMMAR);
    if (isBeyondJson(value)) {
      expect(decoded.code).toMatch(/utf8|expected|duplicate|forbidden|number_out/);
    }
    return "fault";
  }
  expect(isBeyondJson(value)).toBe(false);
  // Of a native event the tree is what JSON.parse gives. A duplicate would show as a shorter text.
  if ((value as { eventId?: unknown }).eventId != null) {
    expect(canonical(decoded.event)).toBe(canonical(value as never));
  }
  for (let member = 0; member < 8; member++) {
    const [start, end] = decoded.spans.slice(member * 2);
    if (start! >= 0) JSON.parse(Buffer.from(bytes.subarray(start, end)).toString());
  }
  return "event";
}

describe("a mutated event", () => {
  test(
    "is taken, refused and read as the host's own readers would",
    () => {
      seeded((random) => {
        const counts = { event: 0, fault: 0, refused: 0 };
        for (let round = 0; round < 20_000; round++) {
          const bytes = mutated(random);
          try {
            counts[check(bytes)]++;
          } catch (cause) {
            throw new Error(`on ${JSON.stringify(Buffer.from(bytes).toString("latin1"))}`, {
              cause,
            });
          }
        }
        // Each way is walked often.
        for (const count of Object.values(counts)) expect(count).toBeGreaterThan(300);
      });
    },
    SEEDED_LIMIT_MS,
  );
});
