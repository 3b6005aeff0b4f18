// Events as text, of every form that JSON and the envelope allow: members in any order and unknown
// ones among them, white space and escapes anywhere, numbers and times in all their forms.

import type { Random } from "../event/random.ts";

/** Names of more than sixteen bytes that are alike at both ends. */
export const LONG_NAMES = ["delivery.first.attempt", "delivery.other.attempt"] as const;

const NUMBERS: readonly string[] = [
  ..."0 -0 0.0 -0.0 7 -12 3.5 19.99 120.05 99999999 123456789 1234567.8 -0.000001".split(" "),
  ..."12345678 1234567.5 0.1234567 9007199254740992 9007199254740993 -9007199254740994".split(" "),
  ..."1234567890123456.5 123456789012345.75 0.1 0.30000000000000004 1e0 1E+2 2.5e-3".split(" "),
  ..."1e22 1e23 5e-324 1.7976931348623157e308 123456789012345678901234567890 1e-400".split(" "),
  ..."9007199254740993.0 -9.007199254740993E15 90071992547409930e-1 9007199254740992.5".split(" "),
  ..."4.35 0.000123 18446744073709551616 0.1234567890123456789012 12e15 0e5".split(" "),
];

const TIMES: readonly string[] = [
  ..."2024-03-15T18:30:00Z 2024-03-15T18:30:59.123Z 2024-02-29T00:00:00.000Z".split(" "),
  ..."2024-03-15T18:30:00.5+02:00 2024-03-15t18:30:00.1234567z 0000-01-01T00:00:00Z".split(" "),
  ..."9999-12-31T23:59:59.999-23:59 1969-12-31T23:59:59.999Z 2024-03-15T18:30:00.123456Z".split(
    " ",
  ),
  "2024-03-15 18:30:00Z",
];

const WRONG_TIMES: readonly string[] = [
  ..."2024-02-30T00:00:00Z 2023-02-29T00:00:00.000Z 2024-13-01T00:00:00Z".split(" "),
  ..."2024-03-15T24:00:00.000Z 2024-03-15T18:60:00.000Z 2024-03-15T18:30:60.000Z".split(" "),
  ..."2024-03-15T18:30:00 2024-03-15T18:30:00.Z 2024-03-15T18:30:00+2:00 1710527400000".split(" "),
  ..."2024-03-15T18:30:00+24:00 2024-03-15T18:30:00.000X 2024-00-10T18:30:00.000Z".split(" "),
  ..."2024-03-15T18:3a:00.000Z 2024-03-15T18:30:0a.000Z 2024-03-15T18:30:00.00aZ".split(" "),
];

const TYPES: readonly string[] = [
  ..."order.created order.paid order.created.late orderly till till.opened a x.y.z".split(" "),
  ..."restaurant.kitchen.capacity.changed restaurant.kitchen.capacity.dropped".split(" "),
];

/** Characters of strings: ASCII, what is escaped, and of two, three and four bytes. */
const CHARACTERS: readonly string[] = [..."aZ09 /-_.~é£ßЖ寿司한\u07ff\u0800\uffff🍣𝄞\u007f\u0080"];

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}

/** White space, mostly none. */
function blank(random: Random): string {
  return random.below(8) > 0 ? "" : random.pick([" ", "  ", "\t", "\r", " \t ", " ".repeat(20)]);
}

/** A string's JSON, some characters escaped that need not be. */
export function quoted(random: Random, text: string): string {
  if (random.below(6) > 0) return JSON.stringify(text);
  const parts = [...text].map((character) => {
    if (random.below(4) > 0) return JSON.stringify(character).slice(1, -1);
    const units = times(character.length, () => "");
    return units
      .map((_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`)
      .join("");
  });
  return `"${parts.join("")}"`;
}

function words(random: Random): string {
  const length = random.pick([0, 1, 3, 15, 16, 17, 40, 200]);
  return times(length, () => random.pick(random.below(3) > 0 ? ["a", "B", "7"] : CHARACTERS)).join(
    "",
  );
}

function value(random: Random, depth: number): string {
  switch (random.below(depth > 3 ? 6 : 9)) {
    case 0:
      return random.pick(["null", "true", "false"]);
    case 1:
    case 2:
      return random.pick(NUMBERS);
    case 3:
      return `${random.below(2) === 0 ? "-" : ""}${random.below(1e6)}.${random.below(1000)}`;
    case 4:
    case 5:
      return quoted(random, words(random));
    case 6:
      return `[${blank(random)}${times(random.below(4), () => value(random, depth + 1)).join(`${blank(random)},${blank(random)}`)}]`;
    default:
      return object(random, members(random, depth + 1));
  }
}

const NAMES: readonly string[] = [..."abcdefgn", "orderTotal", "é", "", "a/b~c", ...LONG_NAMES];

function members(random: Random, depth: number): Map<string, string> {
  const names = times(random.below(7), () => random.pick(NAMES));
  return new Map(names.map((name) => [name, value(random, depth)]));
}

function object(random: Random, of: ReadonlyMap<string, string>): string {
  const parts = [...of].map(([name, raw]) => {
    return `${blank(random)}${quoted(random, name)}${blank(random)}:${blank(random)}${raw}${blank(random)}`;
  });
  return `{${parts.length === 0 ? blank(random) : parts.join(",")}}`;
}

/** The items in another order. */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const left = [...items];
  return times(items.length, () => left.splice(random.below(left.length), 1)[0]!);
}

/** One event: mostly a valid one, some with a member that is missing, null or wrong. */
export function eventText(random: Random): string {
  const token = `evt-${random.below(1e9)}${"x".repeat(random.pick([0, 0, 20, 100]))}`;
  const envelope: [string, string][] = [
    ["eventId", quoted(random, token)],
    ["eventType", quoted(random, random.pick(TYPES))],
    ["eventVersion", random.pick(['"1.0"', '"12.34"', '"0.1"'])],
    ["eventTime", quoted(random, random.pick(TIMES))],
    [
      "correlationId",
      quoted(random, random.below(4) > 0 ? "corr-1" : words(random).slice(0, 60) || "c"),
    ],
    ["data", object(random, members(random, 2))],
  ];
  if (random.below(3) === 0)
    envelope.push(["source", quoted(random, `${words(random).slice(0, 50)}s`)]);
  if (random.below(3) === 0) envelope.push(["causationId", random.pick(['"cause"', "null"])]);
  if (random.below(4) === 0) envelope.push(["extra", value(random, 2)]);
  if (random.below(6) === 0) envelope.push(["receivedAt", `${random.below(2 ** 31)}`]);
  if (random.below(10) === 0) spoil(random, envelope);
  const order = random.below(3) > 0 ? envelope : shuffled(random, envelope);
  return `${blank(random)}${object(random, new Map(order))}${blank(random)}`;
}

/** Makes one member of the envelope missing or wrong. */
function spoil(random: Random, envelope: [string, string][]): void {
  const at = random.below(envelope.length);
  const name = envelope[at]![0];
  const wrong = [
    ...["null", "1", "true", '""', "[]", "{}", '" "', '"é"', `"${"x".repeat(129)}"`, '"1"'],
    ...['"01.0"', '"1.0.0"', `"${"x".repeat(257)}"`, `"${random.pick(WRONG_TIMES)}"`],
  ];
  if (random.below(6) === 0) envelope.splice(at, 1);
  else if (name === "eventTime") envelope[at] = [name, `"${random.pick(WRONG_TIMES)}"`];
  else envelope[at] = [name, random.pick(wrong)];
}
