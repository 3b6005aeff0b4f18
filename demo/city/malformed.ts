// Lines that no engine may take: what tills, gateways and people who edit files by hand have sent.
// Each is made of a real order under a new id and has exactly one fault, so one that is taken by
// mistake shows in the numbers. None has a `receivedAt` that could be read.

import { envelope, Thread, type CityEvent } from "./event.ts";
import type { Random } from "./random.ts";

type Members = Record<string, unknown>;

export interface Malformed {
  kind: string;
  damage: (order: CityEvent) => string | Uint8Array;
}

/** What is wrong, the code that the contract has for it, and how it is done. */
interface Fault {
  kind: string;
  code: string;
  times?: number;
  damage: (members: Members, random: Random) => string | Uint8Array;
}

const NESTED_TOO_DEEP = "[".repeat(40) + "]".repeat(40);
const LATIN_1_NOTE = "à la crème";

const FAULTS: readonly Fault[] = [
  { kind: "truncated", code: "invalid_json", times: 2, damage: cutShort },
  { kind: "two_in_one_line", code: "invalid_json", damage: (all) => text(all) + text(all) },
  { kind: "trailing_comma", code: "invalid_json", damage: (all) => `${text(all).slice(0, -1)},}` },
  { kind: "single_quotes", code: "invalid_json", damage: (all) => text(all).replaceAll('"', "'") },
  { kind: "not_a_number", code: "invalid_json", damage: (all) => withRaw(all, '"orderTotal":NaN') },
  { kind: "raw_tab", code: "invalid_json", damage: (all) => withRaw(all, '"note":"no\tonions"') },
  { kind: "byte_order_mark", code: "invalid_json", damage: (all) => `\ufeff${text(all)}` },
  {
    kind: "error_page",
    code: "invalid_json",
    damage: () => "<html><body><h1>502 Bad Gateway</h1></body></html>",
  },
  { kind: "array", code: "expected_object", damage: (all) => `[${text(all)}]` },
  { kind: "string", code: "expected_object", damage: (all) => JSON.stringify(text(all)) },
  { kind: "null", code: "expected_object", damage: () => "null" },
  { kind: "latin_1", code: "invalid_utf8", times: 2, damage: inLatin1 },
  {
    kind: "lone_surrogate",
    code: "invalid_utf8",
    damage: (all) => withRaw(all, '"note":"thanks \\ud83d"'),
  },
  {
    kind: "too_deep",
    code: "too_deep",
    damage: (all) => withRaw(all, `"note":${NESTED_TOO_DEEP}`),
  },
  { kind: "too_many_keys", code: "too_many_keys", damage: (all) => withRaw(all, manyKeys()) },
  {
    kind: "duplicate_key",
    code: "duplicate_key",
    damage: (all) => withRaw(all, '"orderTotal":0.01,"orderTotal":9999'),
  },
  {
    kind: "forbidden_key",
    code: "forbidden_key",
    damage: (all) => withRaw(all, '"__proto__":{"orderTotal":9999}'),
  },
  {
    kind: "number_too_large",
    code: "number_out_of_range",
    damage: (all) => withRaw(all, '"orderTotal":1e999'),
  },
  ...["eventId", "eventType", "eventTime", "correlationId", "data"].map(missing),
  changed("null_event_time", "missing_field", { eventTime: null }),
  changed("event_id_with_space", "bad_event_id", { eventId: "till 7 no 42" }),
  changed("event_id_empty", "bad_event_id", { eventId: "" }),
  changed("event_type_with_space", "bad_event_type", { eventType: "order created" }),
  changed("version_without_minor", "bad_event_version", { eventVersion: "2" }),
  changed("version_with_letter", "bad_event_version", { eventVersion: "v2.0" }),
  changed("day_that_never_was", "invalid_time", { eventTime: "2024-02-30T19:00:00.000Z" }),
  changed("time_in_words", "invalid_time", { eventTime: "Friday evening" }),
  changed("hour_24", "invalid_time", { eventTime: "2024-03-15T24:00:00.000Z" }),
  {
    kind: "no_zone_offset",
    code: "zone_required",
    times: 2,
    damage: (all) => text({ ...all, eventTime: String(all["eventTime"]).replace("Z", "") }),
  },
  changed("time_as_number", "wrong_type", { eventTime: Date.UTC(2024, 2, 15, 19) }),
  changed("data_as_array", "wrong_type", { data: [] }),
  changed("correlation_as_number", "wrong_type", { correlationId: 4711 }),
  changed("source_empty", "wrong_type", { source: "" }),
];

/** The code with which each kind is refused. */
export const CODES: Readonly<Record<string, string>> = Object.fromEntries(
  FAULTS.map(({ kind, code }) => [kind, code]),
);

export function malformedLines(random: Random): Malformed[] {
  return FAULTS.flatMap(({ kind, times = 1, damage }) => {
    const one: Malformed = {
      kind,
      damage: (order) => {
        const { correlationId, nextId } = newIdentity(order, random);
        return damage({ ...envelope(order), eventId: nextId, correlationId }, random);
      },
    };
    return Array.from({ length: times }, () => one);
  });
}

function newIdentity(order: CityEvent, random: Random): { correlationId: string; nextId: string } {
  const thread = new Thread(order.eventTime, random);
  return { correlationId: thread.correlationId, nextId: thread.nextEventId() };
}

function missing(member: string): Fault {
  return {
    kind: `missing_${member}`,
    code: "missing_field",
    damage: (all) =>
      text(Object.fromEntries(Object.entries(all).filter(([key]) => key !== member))),
  };
}

function changed(kind: string, code: string, members: Members): Fault {
  return { kind, code, damage: (all) => text({ ...all, ...members }) };
}

function text(members: Members): string {
  return JSON.stringify(members);
}

/** With these characters at the end of `data`, which is the last member. */
function withRaw(members: Members, raw: string): string {
  const data = members["data"] as Members;
  const { orderTotal: _, ...rest } = data;
  const plain = text({ ...members, data: rest });
  return `${plain.slice(0, -2)},${raw}}}`;
}

function cutShort(members: Members, random: Random): string {
  const whole = text(members);
  return whole.slice(0, Math.floor(whole.length * random.between(0.2, 0.95)));
}

/** One byte a character: right for this note alone, so what might not fit is left out. */
function inLatin1(members: Members): Uint8Array {
  const { orderId, restaurantId, orderTotal } = members["data"] as Members;
  const data = { orderId, restaurantId, orderTotal, note: LATIN_1_NOTE };
  return Uint8Array.from(text({ ...members, data }), (character) => character.charCodeAt(0));
}

function manyKeys(): string {
  return Array.from({ length: 300 }, (_, index) => `"k${index}":0`).join(",");
}
