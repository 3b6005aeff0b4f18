/**
 * Event types as a plan writes them: exact (`order.created`), a prefix that ends in `.*`
 * (`order.*`), or `*` alone, which takes everything.
 */
import { EVENT_TYPE_LENGTH_MAX, TYPES_MAX } from "./plan-limit.ts";
import { elementsOf, quote, type Place } from "./plan-place.ts";

/** Whether a pattern of a plan's `from` takes an event type: `*`, `order.*`, or the type itself. */
export function patternTakes(pattern: string, eventType: string): boolean {
  if (pattern === "*") return true;
  if (pattern.endsWith(".*")) return eventType.startsWith(pattern.slice(0, -1));
  return pattern === eventType;
}

/** Whether some event type is taken by both patterns. */
export function patternsMeet(a: string, b: string): boolean {
  const stem = (pattern: string): string => pattern.replace(/\*$/, "");
  if (a.endsWith("*") && b.endsWith("*")) {
    return stem(a).startsWith(stem(b)) || stem(b).startsWith(stem(a));
  }
  return a.endsWith("*") ? patternTakes(a, b) : patternTakes(b, a);
}

/** A list of patterns, none of them twice. */
export function checkPatterns(place: Place): readonly string[] {
  const elements = elementsOf(place, TYPES_MAX, { code: "empty_list" });
  const patterns: string[] = [];
  for (const each of elements) {
    const { value } = each;
    if (typeof value !== "string") {
      each.isNo("a string");
    } else if (!isPattern(value)) {
      each.add("bad_event_type", `Got ${quote(value)}.`);
    } else if (value === "*" && elements.length > 1) {
      each.add("bad_event_type", "Got `*` beside others.");
    } else if (patterns.includes(value)) {
      each.add("duplicate_type", `Got ${quote(value)}.`);
    } else {
      patterns.push(value);
    }
  }
  return patterns;
}

/** Printable ASCII without a space, as the envelope has it, and no star but one at the end. */
function isPattern(text: string): boolean {
  if (text === "*") return true;
  const stem = text.endsWith(".*") ? text.slice(0, -1) : text;
  if (stem === "." || stem.length > EVENT_TYPE_LENGTH_MAX) return false;
  return /^[\x21-\x7e]+$/.test(stem) && !stem.includes("*");
}
