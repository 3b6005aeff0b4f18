// Why an event was refused or held: the codes, in the contract's order, and one sentence for each.
// A fault names a place and what to change there. It never repeats a value, since receipts and
// lists of faults travel further than the events themselves.

/** What follows the place: of an event that is refused; `…` is what is expected there. */
const REFUSED = {
  too_large: "is too large: send at most 256 KiB a line.",
  invalid_utf8: "is not valid UTF-8: send whole characters, no lone surrogates.",
  too_deep: "is nested too deeply: use at most 32 levels, the event being 1.",
  invalid_json: "is not valid JSON: send one complete JSON object a line.",
  expected_object: "is not an object: send one JSON object a line.",
  too_many_keys: "has too many members: use at most 256 an object.",
  duplicate_key: "stands more than once in its object: send each member once.",
  forbidden_key: "has a forbidden name: rename the member.",
  number_out_of_range: "is beyond the doubles: send it smaller, or as a string.",
  missing_field: "is missing: add it.",
  wrong_type: "has another type or length: send ….",
  bad_event_id: "is no event id: use 1 to 128 printable ASCII, no space.",
  bad_event_type: "is no event type: use 1 to 128 printable ASCII, no space.",
  bad_event_version: "is no version: use digits, a dot and digits, without leading zeros.",
  invalid_time: "is no time: send RFC 3339, seconds 00 to 59, with an offset.",
  zone_required: "lacks its offset: end it with Z or one such as +02:00.",
  event_id_conflict: "was used before for other content: send a new event under a new id.",
  unknown_event_type: "is not in the catalogue: use one of its types.",
  schema_mismatch: "does not fit its schema: send ….",
  quarantine_full: "would be held, but the list of held events is full: send it again later.",
  subject_erased: "is of a subject that was erased: do not send it again.",
  unroutable: "names no destination: add the member that events are routed by.",
};

/** Of one that is held. */
const HELD = {
  event_time_too_old:
    "is older than dedup remembers: release the event, or raise dedup in the plan.",
  event_time_in_future:
    "is too far ahead of its receive time: set the producer's clock, or release it.",
  version_too_new: "has a major version that the catalogue does not know.",
  poisoned: "is one on which the core fails: report it; it is kept as it is.",
};

export type EventCode = keyof typeof REFUSED;
export type QuarantineCode = keyof typeof HELD;

/** In the contract's order. */
export const EVENT_CODES = Object.keys(REFUSED) as EventCode[];
export const QUARANTINE_CODES = /* @__PURE__ */ Object.keys(HELD) as QuarantineCode[];

const SENTENCES = { ...REFUSED, ...HELD };

export interface EventFault {
  readonly code: EventCode;
  readonly pointer: string;
  readonly message: string;
}

const PLACE_LENGTH_MAX = 200;

function placeOf(pointer: string): string {
  if (pointer === "") return "The line";
  if (pointer.length <= PLACE_LENGTH_MAX) return `The value at ${pointer}`;
  return `The value at ${pointer.slice(0, PLACE_LENGTH_MAX).toWellFormed()}…`;
}

/** The sentence for a person; `expected` is read for `wrong_type` and `schema_mismatch` only. */
export function sentence(code: EventCode | QuarantineCode, pointer: string, expected = ""): string {
  const rest = SENTENCES[code].replace("…", () => expected || "what it asks for");
  return `${placeOf(pointer)} ${rest}`;
}

export function eventFault(code: EventCode, pointer: string, expected = ""): EventFault {
  return { code, pointer, message: sentence(code, pointer, expected) };
}

/** Appends one step to a JSON pointer (RFC 6901). */
export function pointerTo(pointer: string, name: string | number): string {
  return `${pointer}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
