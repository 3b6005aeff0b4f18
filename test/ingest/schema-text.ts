// Events of types that have a schema: mostly of one layout, so that a shape is learned, with values
// at the limits of what the schema takes and just beyond, some of another kind, missing or twice.

import { Schemas } from "../../engine/query/schema.ts";
import type { Random } from "../event/random.ts";
import { quoted, shuffled } from "./event-text.ts";

const STATUSES = ["open", "paid", "geschlossen – spät", "寿司🍣", "", "a longer one of 24 bytes"];
const NAME_LENGTHS = { minLength: 2, maxLength: 17 };
/** More fields than there are bits in a word. */
const MANY = Array.from({ length: 70 }, (_, index) => `data.many.m${index}`);

export const SCHEMAS = new Schemas([
  {
    type: "order.created",
    fields: [
      { path: "data.name", type: "string", required: true, ...NAME_LENGTHS },
      { path: "data.status", type: "string", required: true, values: STATUSES },
      { path: "data.total", type: "number", required: true },
      { path: "data.isGift", type: "boolean" },
      { path: "data.items", type: "array" },
      { path: "data.note", type: "string", maxLength: 3 },
      { path: "data.to", type: "object" },
      { path: "data.to.city", type: "string", required: true, minLength: 1 },
      { path: "data.to.at.floor", type: "number", required: true },
    ],
  },
  // Nobody takes its events.
  { type: "kitchen.opened", fields: [{ path: "data.name", type: "string", required: true }] },
  {
    type: "many",
    fields: MANY.map((path) => ({ path, type: "number", required: true })),
  },
]);

/** A character of one byte to four. */
const CHARACTERS = [..."aZ9é£Ж寿司🍣𝄞"];

function textOf(random: Random, length: number): string {
  const only = random.pick(CHARACTERS);
  const isMixed = random.below(2) === 0;
  const of = (): string => (isMixed ? random.pick(CHARACTERS) : only);
  return quoted(random, Array.from({ length }, of).join(""));
}

/** Mostly what the schema asks for, at times of another kind. */
function either(random: Random, usual: () => string): string {
  if (random.below(24) > 0) return usual();
  return random.pick(["null", "true", "[]", "{}", "7", '"x"', '[{"city":"x"}]', '{"city":"x"}']);
}

function place(random: Random): string {
  const city = `"city":${either(random, () => textOf(random, random.pick([0, 1, 1, 9])))}`;
  const floor = either(random, () => `${random.below(9)}`);
  if (random.below(8) > 0) return `{${city},"at":{"floor":${floor}}}`;
  const at = random.pick(["{}", "null", "[]", "[1]", '"x"', "1"]);
  return random.pick([`{${city}}`, `{${city},"at":${at}}`, `{"street":1,"at":${at}}`, "{}"]);
}

/** Members in one of a few layouts, seldom in another. */
function membersOf(random: Random): string[] {
  const { minLength, maxLength } = NAME_LENGTHS;
  const lengths = [minLength - 1, minLength, 5, 5, 9, 15, 16, maxLength, maxLength + 1, 40];
  const status =
    random.below(12) > 0 ? random.pick(STATUSES) : random.pick(["Open", "pai", "sold"]);
  const of = (name: string, usual: () => string): string => {
    return `"${name}":${either(random, usual)}`;
  };
  const name = of("name", () => textOf(random, random.pick(lengths)));
  const state = of("status", () => quoted(random, status));
  const total = of("total", () => random.pick(["0", "12.5", "1e3", "12345678901234567890"]));
  const gift = of("isGift", () => random.pick(["true", "false"]));
  const items = of("items", () => '[{"city":1},{"city":null}]');
  const note = of("note", () => textOf(random, random.below(5)));
  const to = of("to", () => place(random));
  const members = random.pick([
    [name, state, total],
    [name, gift, items, state, to, total],
    [to, note, total, name, state],
  ]);
  if (random.below(30) === 0) members.splice(random.below(members.length), 1);
  if (random.below(60) === 0) members.push(random.pick(members));
  return random.below(30) > 0 ? members : shuffled(random, members);
}

function manyOf(random: Random): string[] {
  const members = MANY.map((path) => `"${path.slice("data.many.".length)}":${random.below(9)}`);
  if (random.below(3) === 0) members.splice(random.below(members.length), 1);
  if (random.below(3) === 0) members[random.below(members.length)] = '"m1":null';
  return [`"many":{${members.join(",")}}`];
}

/** One event; of one type in eight there is no schema. */
export function checkedText(random: Random): string {
  const order = Array.from({ length: 6 }, () => "order.created");
  const type = random.pick([...order, "order.paid", "kitchen.opened", "many"]);
  const members = type === "many" ? manyOf(random) : membersOf(random);
  const data = `"data":{${members.join(random.below(30) > 0 ? "," : ", ")}}`;
  const envelope = [
    `"eventId":"evt-${random.below(1e9)}","eventType":${quoted(random, type)}`,
    '"eventVersion":"1.0","eventTime":"2024-03-15T18:30:01.123Z","correlationId":"c"',
  ];
  // The type may stand behind what it asks for.
  const parts = random.below(4) > 0 ? [...envelope, data] : [data, ...envelope];
  return `{${parts.join(",")}}`;
}
