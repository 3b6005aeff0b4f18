// Why an event was refused or held: the codes, in the contract's order, and one sentence for each.
// A fault names a place and what to change there. It never repeats a value, since receipts and
// lists of faults travel further than the events themselves.

export const EVENT_CODES = [
  "too_large",
  "invalid_utf8",
  "too_deep",
  "invalid_json",
  "expected_object",
  "too_many_keys",
  "duplicate_key",
  "forbidden_key",
  "number_out_of_range",
  "missing_field",
  "wrong_type",
  "bad_event_id",
  "bad_event_type",
  "bad_event_version",
  "invalid_time",
  "zone_required",
  "event_id_conflict",
  "unknown_event_type",
  "schema_mismatch",
  "quarantine_full",
  "subject_erased",
  "unroutable",
] as const;

export const QUARANTINE_CODES = [
  "event_time_too_old",
  "event_time_in_future",
  "version_too_new",
  "poisoned",
] as const;

export type EventCode = (typeof EVENT_CODES)[number];
export type QuarantineCode = (typeof QUARANTINE_CODES)[number];

export interface EventFault {
  readonly code: EventCode;
  readonly pointer: string;
  readonly message: string;
}

/** Builds one sentence from the value's place and, where it varies, what is expected there. */
type Sentence = (place: string, expected: string) => string;

const SENTENCES: { readonly [code in EventCode | QuarantineCode]: Sentence } = {
  too_large: (place) => `${place} is too large: send at most 256 KiB a line.`,
  invalid_utf8: (place) =>
    `${place} is not valid UTF-8: send whole characters, no lone surrogates.`,
  too_deep: (place) => `${place} is nested too deeply: use at most 32 levels, the event being 1.`,
  invalid_json: (place) => `${place} is not valid JSON: send one complete JSON object a line.`,
  expected_object: (place) => `${place} is not an object: send one JSON object a line.`,
  too_many_keys: (place) => `${place} has too many members: use at most 256 an object.`,
  duplicate_key: (place) => `${place} stands more than once in its object: send each member once.`,
  forbidden_key: (place) => `${place} has a forbidden name: rename the member.`,
  number_out_of_range: (place) =>
    `${place} is beyond the doubles: send it smaller, or as a string.`,
  missing_field: (place) => `${place} is missing: add it.`,
  wrong_type: (place, expected) => `${place} has another type or length: send ${expected}.`,
  bad_event_id: (place) => `${place} is no event id: use 1 to 128 printable ASCII, no space.`,
  bad_event_type: (place) => `${place} is no event type: use 1 to 128 printable ASCII, no space.`,
  bad_event_version: (place) =>
    `${place} is no version: use digits, a dot and digits, without leading zeros.`,
  invalid_time: (place) => `${place} is no time: send RFC 3339, seconds 00 to 59, with an offset.`,
  zone_required: (place) => `${place} lacks its offset: end it with Z or one such as +02:00.`,
  event_id_conflict: (place) =>
    `${place} was used before for other content: send a new event under a new id.`,
  unknown_event_type: (place) => `${place} is not in the catalogue: use one of its types.`,
  schema_mismatch: (place, expected) =>
    `${place} does not fit its schema: send ${expected === "" ? "what it asks for" : expected}.`,
  quarantine_full: (place) =>
    `${place} would be held, but the list of held events is full: send it again later.`,
  subject_erased: (place) => `${place} is of a subject that was erased: do not send it again.`,
  unroutable: (place) => `${place} names no destination: add the member that events are routed by.`,
  event_time_too_old: (place) =>
    `${place} is older than dedup remembers: release the event, or raise dedup in the plan.`,
  event_time_in_future: (place) =>
    `${place} is too far ahead of its receive time: set the producer's clock, or release it.`,
  version_too_new: (place) => `${place} has a major version that the catalogue does not know.`,
  poisoned: (place) => `${place} is one on which the core fails: report it; it is kept as it is.`,
};

const PLACE_LENGTH_MAX = 200;

function placeOf(pointer: string): string {
  if (pointer === "") return "The line";
  if (pointer.length <= PLACE_LENGTH_MAX) return `The value at ${pointer}`;
  return `The value at ${pointer.slice(0, PLACE_LENGTH_MAX).toWellFormed()}…`;
}

/** The sentence for a person; `expected` is read for `wrong_type` and `schema_mismatch` only. */
export function sentence(code: EventCode | QuarantineCode, pointer: string, expected = ""): string {
  return SENTENCES[code](placeOf(pointer), expected);
}

export function eventFault(code: EventCode, pointer: string, expected = ""): EventFault {
  return { code, pointer, message: sentence(code, pointer, expected) };
}

/** Appends one step to a JSON pointer (RFC 6901). */
export function pointerTo(pointer: string, name: string | number): string {
  if (typeof name === "number") return `${pointer}/${name}`;
  if (name.includes("~") || name.includes("/")) {
    return `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  }
  return `${pointer}/${name}`;
}
