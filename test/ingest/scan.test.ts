// The two lanes give the same: what the scan takes, the strict lane takes too, with the same slot
// byte for byte and the same values; and of what the strict lane takes, the scan leaves only what
// it says that it leaves.

import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { describeCorpus } from "../event/corpus.ts";
import { randomOf, type Random } from "../event/random.ts";
import { FULL } from "../measured.ts";
import * as layout from "../../assembly/layout.ts";
import { eventText, LONG_NAMES, shuffled } from "./event-text.ts";
import { feedText } from "./feed-text.ts";
import { compare, counts, Lanes, RECEIVED_AT } from "./lanes.ts";
import { mutated, SEEDS } from "./mutation.ts";
import { bytesOf, lineWith, nested, wide } from "./sample.ts";

const PATHS = [
  ..."data data.a data.b data.b.c data.b.d.e data.n data.orderTotal data.é extra extra.a".split(
    " ",
  ),
  ..."eventId eventType eventVersion eventTime eventTime.a source correlationId receivedAt".split(
    " ",
  ),
];

const first = (of: unknown): object => ({ fn: "first", of });
const QUERY = { key: {}, window: { kind: "tumbling", size: 10, grace: 0 } };

const planOf = (paths: readonly string[]): object => ({
  version: 1,
  queries: [
    {
      ...QUERY,
      name: "exact",
      from: ["order.created", "till", "restaurant.kitchen.capacity.changed"],
      aggregate: Object.fromEntries(paths.map((path, index) => [`f${index}`, first(path)])),
    },
    {
      ...QUERY,
      name: "prefixes",
      from: ["order.*", "order.created.*", "till.*"],
      aggregate: Object.fromEntries(
        LONG_NAMES.map((name, index) => [`f${index}`, first(["get", `data.${name}`])]),
      ),
    },
    {
      name: "spans",
      span: { from: ["order.paid"], to: ["x.*"], on: "data.a", within: "1h" },
      key: {},
      window: { kind: "tumbling", size: 10, grace: 0 },
      where: ["has", "from"],
      aggregate: { n: { fn: "count" } },
    },
  ],
});

const PLAN = planOf(PATHS);
/** Reads neither type nor version, which are part of a shape then. */
const UNTYPED = planOf(PATHS.filter((path) => path !== "eventType" && path !== "eventVersion"));

const NEWLINE = Buffer.from("\n");
const ROUNDS = FULL ? 1_000_000 : 20_000;
const LINES = 200;

function joined(random: Random, lines: readonly Uint8Array[]): Uint8Array {
  const parts = lines.flatMap((line) => [
    line,
    Buffer.from(random.pick(["\n", "\n", "\r\n", "\n \n"])),
  ]);
  if (random.below(4) === 0) parts.pop();
  return new Uint8Array(Buffer.concat(parts));
}

describe("the two lanes give the same", async () => {
  const lanes = await Lanes.open(PLAN);
  const untyped = await Lanes.open(UNTYPED);

  const LINE_OF: { readonly [kind: string]: (random: Random) => Uint8Array } = {
    valid: (random) => Buffer.from(eventText(random)),
    mutated: (random) => mutated(random, random.below(2) === 0 ? SEEDS : [eventText(random)]),
    fed: (random) => {
      const line = feedText(random);
      return random.below(8) > 0 ? Buffer.from(line) : mutated(random, [line]);
    },
  };

  test.each(Object.keys(LINE_OF))("on %s events", { timeout: 24 * 3_600_000 }, (kind) => {
    const given = process.env["MILLRACE_SEED"];
    for (let round = 0; round < ROUNDS / LINES; round++) {
      const seed = given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given);
      const random = randomOf(seed);
      const lines = Array.from({ length: LINES }, () => LINE_OF[kind]!(random));
      try {
        const plan = random.pick([lanes, untyped]);
        compare(plan, joined(random, lines), random.pick([null, RECEIVED_AT]));
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new Error(`MILLRACE_SEED=${seed} replays this: ${reason}`, { cause });
      }
      if (given !== undefined) break;
    }
    if (given === undefined) {
      expect(counts.taken).toBeGreaterThan(ROUNDS / 4);
      expect(counts.left).toBeGreaterThan(ROUNDS / 100);
    }
  });

  const data = (raw: string): string => lineWith({ data: raw });
  const EDGES: readonly (readonly [string, string])[] = [
    ["depth 32", data(`{"x":${nested(30)}}`)],
    ["depth 33", data(`{"x":${nested(31)}}`)],
    ["depth 32 of objects", data(`{"x":${nested(30, '{"y":', "}").replace(":}", ":1}")}}`)],
    ["depth 33 of objects", data(`{"x":${nested(31, '{"y":', "}").replace(":}", ":1}")}}`)],
    ["256 keys", data(wide(256))],
    ["257 keys", data(wide(257))],
    ["a key twice", data('{"a":1,"b":2,"a":1}')],
    ["a key twice, once escaped", data('{"ab":1,"b":2,"a\\u0062":1}')],
    ["a long key twice", data(`{"${"k".repeat(40)}":1,"${"k".repeat(40)}":2}`)],
    ["long keys alike at both ends", data(`{"${LONG_NAMES[0]}":1,"${LONG_NAMES[1]}":2}`)],
    ["the same key in two objects", data('{"a":{"a":1},"b":{"a":1,"b":2}}')],
    ["the forbidden key", data('{"__proto__":1}')],
    ["the forbidden key, escaped", data('{"__pr\\u006fto__":1}')],
    ["nearly the forbidden key", data('{"__proto_":1,"__proto_x":1,"__proto___":1}')],
    ["a number of 200,000 digits", data(`{"n":0.${"1234567890".repeat(20_000)}}`)],
    ["a beyond double", data('{"n":1e309}')],
    ["a beyond double that nobody reads", data('{"zzz":-1e309}')],
    ["a key of 8 and of 9 bytes", data('{"12345678":1,"123456789":2}')],
    ["an id of 128", lineWith({ eventId: `"${"x".repeat(128)}"` })],
    ["an id of 129", lineWith({ eventId: `"${"x".repeat(129)}"` })],
    ["a source of 256 bytes", lineWith({ source: `"${"é".repeat(128)}"` })],
    ["a source of 257 bytes", lineWith({ source: `"${"é".repeat(128)}x"` })],
    ["an id that is escaped", lineWith({ eventId: '"e\\u0076t\\u002d1"' })],
    ["an id with an escaped space", lineWith({ eventId: '"e\\u00201"' })],
    ["an event and more", `${lineWith({})} 1`],
    ["two events", `${lineWith({})}${lineWith({})}`],
    ["a tick", '{"tick":1}'],
    ["a byte-order mark", `\ufeff${lineWith({})}`],
  ];

  test.each(EDGES)("on %s", (_, line) => {
    compare(lanes, new Uint8Array(Buffer.from(line)));
    compare(lanes, new Uint8Array(Buffer.from(`${lineWith({})}\r\n${line}\n\n${lineWith({})}`)));
  });

  const LONG = "k".repeat(20);
  const SHAPED: readonly string[] = [
    ...SEEDS,
    lineWith({ data: '{"a":1,"b":{"c":"x","d":{"e":2}},"n":[1,{"a":1}],"zz":{"a":"é"}}' }),
    lineWith({ data: `{"${LONG}a":1,"${LONG}b":"x","orderTotal":19.99}`, extra: '{"a":null}' }),
    lineWith({}).replaceAll(":", " : ").replaceAll(",", " , \r "),
  ];

  const OFF = SHAPED.flatMap((line) => [PLAN, UNTYPED].map((plan) => ({ line, plan })));
  test.each(OFF)("on what is a byte off the shape of $line", async ({ line, plan }) => {
    // None that the lines of other tests have taught.
    const shapes = await Lanes.open(plan);
    const bytes = Buffer.from(line);
    const lines: Buffer[] = [];
    for (let at = 0; at < bytes.length; at++) {
      // The line itself stands between, so that its shape is known.
      lines.push(bytes);
      for (const other of Buffer.from('"x1,:{}[]\\ -\u0001é').values()) {
        const changed = Buffer.from(bytes);
        changed[at] = other;
        lines.push(changed);
      }
      lines.push(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]));
      lines.push(Buffer.concat([bytes.subarray(0, at), Buffer.from(" "), bytes.subarray(at)]));
    }
    compare(shapes, new Uint8Array(Buffer.concat(lines.flatMap((each) => [each, NEWLINE]))));
  });

  test("on what begins in one shape and goes on in another", async () => {
    for (const name of ["z", "zzz", LONG, `${LONG}${LONG}`, "a"]) {
      const shapes = await Lanes.open(PLAN);
      const line = (first: string, second: string): string =>
        data(`{"${name}${first}":1,"${second}":2,"n":3}`);
      const lines = [
        ...[line("a", "q"), line("b", `${name}a`), line("c", `${name}a_`)],
        ...[line("a", "q"), line("a", `${name}a`), line("b", "q"), line("c", `${name}a`)],
      ];
      compare(shapes, new Uint8Array(Buffer.from(lines.join("\n"))));
    }
  });

  test("on a member that is an object here and something else there", async () => {
    const values = [
      ...["1", '"x"', "null", "true", "[1]", "{}", '{"c":2}', '{"c":null,"d":{"e":3}}'],
      ...['{"a":1}', '{"d":4}', '{"d":null,"c":"y"}', '{"c":{"z":1}}', '{"d":{"e":{"e":1}}}'],
    ];
    for (const first of values) {
      for (const second of values) {
        const shapes = await Lanes.open(PLAN);
        const pair = [first, second].flatMap((value) => [
          data(`{"b":${value},"n":3}`),
          lineWith({ extra: value }),
        ]);
        compare(shapes, new Uint8Array(Buffer.from([...pair, ...pair].join("\n"))));
      }
    }
  });

  test("takes events of up to 1,024 names of open objects", () => {
    // Nine names of the event and of its data are open, then 3 × 256, and those of the innermost.
    const inner = (names: number): string => {
      const full = wide(255).slice(0, -1);
      return `${`${full},"in":`.repeat(3)}${wide(names)}${"}".repeat(3)}`;
    };
    const oddOf = (names: number): (string | null)[] => {
      const line = new Uint8Array(Buffer.from(data(`{"zz":${inner(names)}}`)));
      return [lanes.fast(line, null)[0]!.odd, lanes.strict(line, null)[0]!.odd];
    };
    expect(oddOf(247)).toEqual([null, null]);
    expect(oddOf(248)).toEqual(["odd", null]);
  });

  test("learns shapes of up to 128 values, and 129 are read all the same", async () => {
    for (const values of [127, 128, 129, 130]) {
      const shapes = await Lanes.open(PLAN);
      // Seven members before `data`, whose end is a step too.
      const line = data(wide(values - 9));
      const lines = [line, line, line.replace('"k1"', '"k0"'), line];
      compare(shapes, new Uint8Array(Buffer.from(lines.join("\n"))));
    }
  });

  test("the mark is of the raw values that the identity does not stand for, wherever", () => {
    const values = Object.entries({
      eventId: '"evt-1"',
      eventType: '"order.created"',
      eventVersion: '"1.0"',
      eventTime: '"2024-03-15T18:30:00Z"',
      correlationId: `"${"c".repeat(30)}"`,
      source: `"${"s".repeat(13)}"`,
      data: `{"a":"${"x".repeat(2300)}"}`,
    });
    const random = randomOf(1);
    const markOf = (members: readonly (readonly [string, string])[]): string => {
      const line = `{${members.map(([name, raw]) => `"${name}":${raw}`).join(",")}}`;
      const [fast] = lanes.fast(new Uint8Array(Buffer.from(line)), null);
      return fast!.slot!.slice(layout.SLOT_MARK * 2, (layout.SLOT_MARK + 8) * 2);
    };
    const mark = markOf(values);
    for (let round = 0; round < 50; round++) {
      const receivedAt = ["receivedAt", `${random.below(1e9)}`] as const;
      expect(markOf(shuffled(random, [...values, receivedAt]))).toBe(mark);
    }
    // Each byte of each of those values counts, and whose it is.
    const marks = new Set([mark]);
    let changes = 0;
    for (const [member, [name, raw]] of values.entries()) {
      for (let at = 1; at < raw.length - 1; at++) {
        if (!/[a-z]/.test(raw[at]!) || (name === "data" && raw[at - 1] === "{")) continue;
        const other = `${raw.slice(0, at)}y${raw.slice(at + 1)}`;
        const changed = markOf(values.with(member, [name, other]));
        if (name === "eventId" || name === "source") {
          expect(changed).toBe(mark);
          continue;
        }
        marks.add(changed);
        changes++;
      }
    }
    const swapped = values.map(([name, raw]): [string, string] => {
      if (name === "correlationId") return [name, values[5]![1]];
      return name === "source" ? [name, values[4]![1]] : [name, raw];
    });
    marks.add(markOf(swapped));
    expect(marks.size).toBe(changes + 2);
  });

  test("on identities as long as each other, one to nine of them in a row", async () => {
    const some = await Lanes.open(PLAN);
    const sources = [undefined, 1, 7, 8, 9, 255, 256].map((bytes) => {
      return bytes === undefined ? bytes : (n: number) => `"${"s".repeat(bytes - 1)}${n % 10}"`;
    });
    const odd = ["", "{", lineWith({ eventId: '"e e"' }), lineWith({ eventVersion: '"1"' })];
    const lines: string[] = [];
    for (const bytes of [1, 2, 7, 8, 9, 15, 16, 17, 36, 127, 128]) {
      for (const [index, source] of sources.entries()) {
        for (let n = 0; n <= (bytes + index) % 9; n++) {
          const id = `${n}`.padStart(bytes, `x${index}`);
          const eventId = n === 2 ? `"\\u003${id.at(-1)}${id.slice(1)}"` : `"${id}"`;
          lines.push(lineWith({ eventId, source: source?.(n) }));
          if (n % 4 === 1) lines.push(odd[bytes % 4]!);
        }
      }
    }
    compare(some, new Uint8Array(Buffer.from(lines.join("\n"))));
  });

  test("on numbers of every few digits before and behind the point", async () => {
    const some = await Lanes.open(PLAN);
    const digits = (count: number): string => "7309182645".slice(0, count);
    const numbers = [0, 1, 2, 5, 6, 7, 8, 9, 10].flatMap((whole) =>
      [0, 1, 2, 5, 6, 7, 8, 9].flatMap((part) => [
        `${digits(whole)}.${digits(part)}`,
        `0${digits(whole)}.${digits(part)}`,
        `${digits(whole)}e${digits(part)}`,
        `${digits(whole)}.${digits(part)}E-1`,
        `${digits(whole)}${".,/:;\u00e9"[part % 6]}`,
      ]),
    );
    const all = [...numbers, ...numbers.map((number) => number.replace(".", ""))];
    const lines = all
      .flatMap((number) => [number, `-${number}`])
      .flatMap((number) => [
        data(`{"n":${number}}`),
        data(`{"n":1}`),
        data(`{"n":${number} ,"a":"x"}`),
      ]);
    compare(some, new Uint8Array(Buffer.from(lines.join("\n"))));
  });

  test("on a push whose first lines are longer than the others, which have more slots", async () => {
    for (const first of [2, 40]) {
      const some = await Lanes.open(PLAN);
      const long = lineWith({ data: `{"a":"${"x".repeat(40_000 / first)}\\n"}` });
      const lines = [
        ...Array.from({ length: first }, () => long),
        ...Array.from({ length: 700 }, (_, n) => lineWith({ data: `{"n":${n},"a":"\\t${n}"}` })),
      ];
      compare(some, new Uint8Array(Buffer.from(lines.join(first === 2 ? "\n" : "\n\n\n"))));
    }
  });

  test("on more types and versions than shapes hold, in turn", async () => {
    const some = await Lanes.open(UNTYPED);
    const prefixes = ["order.", "order.created", "till", "till.", "x.", ""];
    const lines = Array.from({ length: 96 }, (_, n) => {
      const eventType = `"${prefixes[n % 6]}${n % 6 === 2 ? "" : n % 24}"`;
      return lineWith({ eventType, eventVersion: `"${n % 4}.0"`, data: `{"a":${n}}` });
    });
    compare(some, new Uint8Array(Buffer.from([...lines, ...lines].join("\n"))));
  });

  test.each(["\\u0000", "\0"])("on a time that begins with sixteen of %j", async (zero) => {
    const some = await Lanes.open(PLAN);
    const minutes = ["2024-03-15T18:31", zero.repeat(16), zero.repeat(16)];
    const lines = minutes.map((minute) => lineWith({ eventTime: `"${minute}:00.000Z"` }));
    compare(some, new Uint8Array(Buffer.from(lines.join("\n"))));
  });

  test("on a line of 256 KiB, and of one byte more", () => {
    for (const bytes of [262_144, 262_145, 300_000]) {
      const shell = lineWith({ data: '{"a":""}' });
      const line = lineWith({ data: `{"a":"${"x".repeat(bytes - shell.length)}"}` });
      expect(line).toHaveLength(bytes);
      compare(lanes, new Uint8Array(Buffer.from(line)));
      compare(lanes, new Uint8Array(Buffer.from(`${line}\r\n${line}\n`)));
    }
  });

  test("on what is cut off at every byte", () => {
    for (const seed of SEEDS) {
      const line = Buffer.from(seed);
      for (let end = 0; end <= line.length; end++)
        compare(lanes, new Uint8Array(line.subarray(0, end)));
    }
  });

  test("on bytes that are no lines at all", () => {
    for (const text of ["", "\n", "\r\n \t\r\n", "\n\n\n", " ", "\r", "\r\r\n", "%FF", "%00%0A{"]) {
      compare(lanes, bytesOf(text.replaceAll("\n", "%0A").replaceAll("\r", "%0D")));
    }
  });

  const CHARACTERS: readonly string[] = [
    ..."c280 dfbf c3a9 e0a080 ed9fbf ee8080 efbfbf e5afbf f0908080 f48fbfbf f09f8da3".split(" "),
    // Continuations alone, overlong, surrogates, too large, no bytes of UTF-8 at all.
    ..."80 bf c080 c1bf e08080 e09fbf eda080 edbfbf f0808080 f08fbfbf f4908080 f5808080 ff fe".split(
      " ",
    ),
    // Cut, and one too many.
    ..."c3 e5 e5af f0 f09f f09f8d c3c3 e5afc3a9 f09f8dc3a9 c3a980 e5afbf80 f09f8da3bf".split(" "),
  ];
  const WIDE = Buffer.from("é").toString("latin1");
  const ESCAPED = ["\\u00e9", "\\ud83c\\udf63", "\\ud83c", "\\udf63", "\\ud83cx", "é\\n寿", "寿\\"];

  test.each([
    ...CHARACTERS.map((hex) => Buffer.from(hex, "hex").toString("latin1")),
    ...ESCAPED.map((text) => Buffer.from(text).toString("latin1")),
  ])("on %j at every place of a string", async (character) => {
    const shapes = await Lanes.open(PLAN);
    const of = (text: string): string =>
      lineWith({ data: `{"a":"${text}","zz":["${text}",{"q":"${text}"}]}`, correlationId: '"c"' });
    const lines = [of("x"), of("x")];
    for (let before = 0; before < 35; before++) {
      for (const behind of ["", "b", "é".repeat(9), "b".repeat(20)]) {
        const text = `${"a".repeat(before)}${character}${Buffer.from(behind).toString("latin1")}`;
        lines.push(of(text), of("x").replace('"c"', `"${text}"`), of(`${WIDE}${text}${WIDE}`));
      }
    }
    compare(shapes, new Uint8Array(Buffer.from(lines.join("\n"), "latin1")));
    // What stands behind the last byte of a push counts for nothing.
    const cut = Buffer.from(of("x").slice(0, -30) + character, "latin1");
    compare(shapes, new Uint8Array(cut));
  });

  describeCorpus("on JSONTestSuite", "JSONTestSuite/test_parsing", (path) => {
    test.each(readdirSync(path))("%s", (name) => {
      const bytes = readFileSync(`${path}/${name}`);
      const line = Buffer.from(lineWith({ data: '{"a":0}' }));
      const at = line.indexOf("0}", line.indexOf("data"));
      const within = Buffer.concat([line.subarray(0, at), bytes, line.subarray(at + 1)]);
      compare(lanes, new Uint8Array(within));
      compare(
        lanes,
        new Uint8Array(Buffer.from(within.toString("latin1").replace('"a"', '"zz"'), "latin1")),
      );
      compare(lanes, new Uint8Array(bytes));
    });
  });

  describeCorpus("on utf8tests", "utf8tests", (path) => {
    test("each line in a string", () => {
      const lines = readFileSync(`${path}/utf8tests.bin`).toString("latin1").split("\n");
      for (const line of lines) {
        const text = line.replaceAll('"', "").replaceAll("\\", "");
        for (const name of ["a", "zz"]) {
          compare(lanes, new Uint8Array(Buffer.from(data(`{"${name}":"${text}"}`), "latin1")));
        }
      }
    });
  });
});
