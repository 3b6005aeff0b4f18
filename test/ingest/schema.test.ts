// Events of types with a schema: the two lanes agree on which fit, and the strict one says where
// one does not.

import { describe, expect, test } from "vitest";
import { isFault } from "../../engine/ingest/decode.ts";
import { Schemas, type SchemaField } from "../../engine/query/schema.ts";
import { randomOf } from "../event/random.ts";
import { FULL, measured } from "../measured.ts";
import { compare, counts, Lanes } from "./lanes.ts";
import { mutated } from "./mutation.ts";
import { decode, lineWith } from "./sample.ts";
import { checkedText, SCHEMAS } from "./schema-text.ts";

const first = (of: string): object => ({ fn: "first", of });

/** Takes some of what the schemas check, and a part of an array that one asks for. */
const PLAN = {
  version: 1,
  queries: [
    {
      name: "orders",
      from: ["order.*", "many"],
      key: {},
      window: { kind: "tumbling", size: 10, grace: 0 },
      aggregate: {
        ...{
          a: first("data.name"),
          b: first("data.total"),
          c: first("data.to.at"),
          d: first("data"),
        },
        ...{ e: first("data.items"), f: first("data.many.m3"), g: first("data.other") },
      },
    },
  ],
};

const ROUNDS = FULL ? 1_000_000 : 20_000;
const LINES = 200;

describe("the two lanes agree", async () => {
  const lanes = await Lanes.open(PLAN, SCHEMAS);

  test.each([0, 8])("on checked events, %i of ten mutated", { timeout: 3_600_000 }, (share) => {
    const given = process.env["MILLRACE_SEED"];
    const before = { ...counts };
    for (let round = 0; round < ROUNDS / LINES; round++) {
      const seed = given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given);
      const random = randomOf(seed);
      const lines = Array.from({ length: LINES }, () => {
        const text = checkedText(random);
        return random.below(10) < share ? mutated(random, [text]) : Buffer.from(text);
      });
      const newline = Buffer.from("\n");
      const bytes = Buffer.concat(lines.flatMap((line) => [line, newline]));
      try {
        compare(lanes, new Uint8Array(bytes));
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new Error(`MILLRACE_SEED=${seed} replays this: ${reason}`, { cause });
      }
      if (given !== undefined) return;
    }
    expect(counts.taken - before.taken).toBeGreaterThan(ROUNDS / 10);
    expect(counts.left - before.left).toBeGreaterThan(ROUNDS / 10);
    if (share === 0) measured("lines with a schema, both lanes alike", ROUNDS, "lines");
  });

  test("on a line beside others of its shape that fit", async () => {
    const line = (data: string): string => lineWith({ data: `{${data}}` });
    const good = '"name":"Zoë","status":"open","total":1';
    const others = [
      ...[good.replace("Zoë", "Z"), good.replace("Zoë", "Ö"), good.replace("Zoë", "é".repeat(17))],
      ...[
        good.replace("Zoë", "🍣".repeat(18)),
        good.replace('"Zoë"', "1"),
        good.replace("1", '"1"'),
      ],
      ...[
        good.replace("open", "op\\u0065n"),
        good.replace("open", "opem"),
        good.replace("1", "[1]"),
      ],
      ...[
        good.replace('"total":1', '"other":1'),
        good.replace(',"total":1', ""),
        `${good},"to":{}`,
      ],
      ...[`${good},"to":{"city":"x","at":{"floor":1}}`, `${good},"to":{"city":"x","at":{}}`],
    ];
    for (const other of others) {
      const shapes = await Lanes.open(PLAN, SCHEMAS);
      const lines = [good, other, good, other, good].map(line);
      compare(shapes, new Uint8Array(Buffer.from(lines.join("\n"))));
    }
  });
});

// ── what the strict lane says ──────────────────────────────────────────────────────────────────

/** The pointer and the message of the fault; null where the event fits. */
function judged(fields: readonly SchemaField[], data: string): string | null {
  const decoded = decode(lineWith({ data }));
  if (isFault(decoded)) throw new Error(decoded.message);
  const schemas = new Schemas([{ type: decoded.eventType, fields }]);
  const fault = schemas.fault(decoded.event, decoded.eventType);
  if (fault === null) return null;
  expect(fault.code).toBe("schema_mismatch");
  return `${fault.pointer} ${/: send (.*)\.$/.exec(fault.message)![1]}`;
}

const NAME: SchemaField = { path: "data.name", type: "string", minLength: 2, maxLength: 3 };
const KIND: SchemaField = { path: "data.kind", type: "string", required: true, values: ["a", "é"] };
const CITY: SchemaField = { path: "data.to.city", type: "string", required: true };

test.each<[string, readonly SchemaField[], string, string | null]>([
  ["nothing that is asked for", [NAME], "{}", null],
  ["null, which is absent", [NAME], '{"name":null}', null],
  [
    "null where something is required",
    [KIND],
    '{"kind":null}',
    "/data/kind one of the values that it lists",
  ],
  ["a number for a string", [NAME], '{"name":1}', "/data/name a string of 2 to 3 characters"],
  ["too short", [NAME], '{"name":"é"}', "/data/name a string of 2 to 3 characters"],
  ["just long enough", [NAME], '{"name":"éé"}', null],
  ["as long as may be, in pairs of surrogates", [NAME], '{"name":"🍣🍣\\ud83c\\udf63"}', null],
  ["one too long", [NAME], '{"name":"🍣🍣🍣🍣"}', "/data/name a string of 2 to 3 characters"],
  ["one of the values", [KIND], '{"kind":"\\u00e9"}', null],
  ["none of the values", [KIND], '{"kind":"A"}', "/data/kind one of the values that it lists"],
  ["an object for an array", [{ path: "data.x", type: "array" }], '{"x":{}}', "/data/x an array"],
  ["an array for an object", [{ path: "data.x", type: "object" }], '{"x":[]}', "/data/x an object"],
  [
    "a string for a boolean",
    [{ path: "data.x", type: "boolean" }],
    '{"x":"true"}',
    "/data/x a boolean",
  ],
  ["no object that should have it", [CITY], '{"city":"x"}', null],
  ["an array where that object is", [CITY], '{"to":[{"city":1}]}', null],
  ["an object without it", [CITY], '{"to":{}}', "/data/to/city a string"],
  [
    "a name that a pointer escapes",
    [{ path: "data.a/b~", type: "number" }],
    '{"a/b~":""}',
    "/data/a~1b~0 a number",
  ],
  [
    "the first of two, in the schema's order",
    [KIND, NAME],
    '{"name":"","kind":1}',
    "/data/kind one of the values that it lists",
  ],
  [
    "a second one alone",
    [KIND, NAME],
    '{"name":"","kind":"a"}',
    "/data/name a string of 2 to 3 characters",
  ],
  [
    "less than the least",
    [{ path: "data.x", type: "string", minLength: 1 }],
    '{"x":""}',
    "/data/x a string of at least 1 characters",
  ],
])("%s", (_, fields, data, expected) => {
  expect(judged(fields, data)).toBe(expected);
});

test.each<[string, readonly SchemaField[]]>([
  ["a path beside data", [{ path: "eventId", type: "string" }]],
  ["data itself", [{ path: "data", type: "object" }]],
  ["an empty name", [{ path: "data..x", type: "string" }]],
  ["a length of a number", [{ path: "data.x", type: "number", maxLength: 1 }]],
  ["a length that is no whole number", [{ path: "data.x", type: "string", minLength: 0.5 }]],
  ["a length beyond a line", [{ path: "data.x", type: "string", maxLength: 262_145 }]],
])("no schema asks for %s", (_, fields) => {
  expect(() => new Schemas([{ type: "t", fields }])).toThrow(RangeError);
});

const SAME = { type: "t", fields: [] };

test("a type has one schema", () => {
  expect(() => new Schemas([SAME, SAME])).toThrow("Got two schemas for t.");
});
