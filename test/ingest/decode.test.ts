// Every code of a line, in several forms each, with the exact place; the limits at one less and
// one more; and the order of codes where a line has several faults.

import { describe, expect, test } from "vitest";
import { content, decodeEvent, isFault } from "../../engine/ingest/decode.ts";
import { SAMPLE, bytesOf, decode, lineWith, nested, verdict, wide } from "./sample.ts";

type Case = readonly [line: string, verdict: string];

const TIMES = "2024-03-15T18:30:00";
const q = (text: string): string => JSON.stringify(text);
const data = (raw: string): string => lineWith({ data: raw });
const padded = (sizeBytes: number): string => {
  const bare = data('{"pad":""}');
  return data(`{"pad":"${"x".repeat(sizeBytes - bare.length)}"}`);
};

const SPOILT: { readonly [code: string]: readonly Case[] } = {
  too_large: [
    [padded(262_145), "too_large "],
    [" ".repeat(262_145), "too_large "],
    ["[".repeat(262_145), "too_large "],
    [lineWith({}) + " ".repeat(262_145), "too_large "],
  ],
  too_deep: [
    [nested(33), "too_deep "],
    [data(`{"x":${nested(31)}}`), "too_deep "],
    [data(nested(32, '{"a":', "1}")), "too_deep "],
    ["[".repeat(200_000), "too_deep "],
  ],
  invalid_json: [
    ["", "invalid_json "],
    ["{", "invalid_json "],
    ["{}{}", "invalid_json "],
    ["\ufeff{}", "invalid_json "],
    [lineWith({}) + ",", "invalid_json "],
    [data("{'a':1}"), "invalid_json "],
    [data('{"a":01}'), "invalid_json "],
    [data('{"a":1.}'), "invalid_json "],
    [data('{"a":.5}'), "invalid_json "],
    [data('{"a":+1}'), "invalid_json "],
    [data('{"a":1e}'), "invalid_json "],
    [data('{"a":-}'), "invalid_json "],
    [data('{"a":NaN}'), "invalid_json "],
    [data('{"a":1,}'), "invalid_json "],
    [data('{"a":[1,]}'), "invalid_json "],
    [data('{"a":"\\x"}'), "invalid_json "],
    [data('{"a":"\\u12G4"}'), "invalid_json "],
    [data('{"a":"\t"}'), "invalid_json "],
    [data('{"a":tru}'), "invalid_json "],
    [data('{"a":nulls}'), "invalid_json "],
    [data('{"a" 1}'), "invalid_json "],
    [data('{"a":1 "b":2}'), "invalid_json "],
    [data('{"a":"'), "invalid_json "],
    [data('{"a":"\\'), "invalid_json "],
    [data('{"a":"\\u00'), "invalid_json "],
    [data('{"a":1]'), "invalid_json "],
  ],
  "invalid_utf8 by escape": [
    [data('{"a":"\\ud800"}'), "invalid_utf8 /data/a"],
    [data('{"a":"\\udc00\\ud800"}'), "invalid_utf8 /data/a"],
    [data('{"a":[1,"\\ud83d\\u0041"]}'), "invalid_utf8 /data/a/1"],
    [data('{"a":"\\ud83dx\\ude00"}'), "invalid_utf8 /data/a"],
    [data('{"a":{"x\\ud800":1}}'), "invalid_utf8 /data/a"],
    [data('{"a":[{"\\udfff":1}]}'), "invalid_utf8 /data/a/0"],
    ['{"\\ud800":1}', "invalid_utf8 "],
    ['"\\ud800"', "invalid_utf8 "],
    [lineWith({ eventId: '"\\ud800"' }), "invalid_utf8 /eventId"],
  ],
  expected_object: [
    ["[]", "expected_object "],
    ["null", "expected_object "],
    ["1", "expected_object "],
    ['"text"', "expected_object "],
    ["[1e999]", "expected_object "],
    [`[${lineWith({})}]`, "expected_object "],
  ],
  too_many_keys: [
    [wide(257), "too_many_keys "],
    [data(wide(257)), "too_many_keys /data"],
    [data(`{"a":[{},${wide(257)}]}`), "too_many_keys /data/a/1"],
    [data(`{"a~/b":${wide(300)}}`), "too_many_keys /data/a~0~1b"],
    [`{"k":${wide(257)},${wide(257).slice(1)}`, "too_many_keys "],
  ],
  duplicate_key: [
    [data('{"a":1,"a":1}'), "duplicate_key /data/a"],
    [data('{"a":1,"\\u0061":2}'), "duplicate_key /data/a"],
    [data('{"a":null,"a":null}'), "duplicate_key /data/a"],
    [data('{"":1,"":2}'), "duplicate_key /data/"],
    [data('{"\\u00e9":1,"é":2}'), "duplicate_key /data/é"],
    [data('{"x":[0,{"1":1,"2":2,"1":3}]}'), "duplicate_key /data/x/1/1"],
    [`{"eventId":1,${lineWith({}).slice(1)}`, "duplicate_key /eventId"],
    [data('{"a":1,"a":{"b":1,"b":2}}'), "duplicate_key /data/a"],
    [data('{"a":{"b":1,"b":2},"a":1}'), "duplicate_key /data/a/b"],
  ],
  forbidden_key: [
    [data('{"__proto__":1}'), "forbidden_key /data/__proto__"],
    [data('{"\\u005f_proto__":1}'), "forbidden_key /data/__proto__"],
    [data('{"a":[{"__proto__":{}}]}'), "forbidden_key /data/a/0/__proto__"],
    [
      lineWith({ ["__proto__x"]: "1" }).replace("__proto__x", "__proto__"),
      "forbidden_key /__proto__",
    ],
  ],
  number_out_of_range: [
    [data('{"a":1e400}'), "number_out_of_range /data/a"],
    [data('{"a":[0,-1e309]}'), "number_out_of_range /data/a/1"],
    [data(`{"a":${"9".repeat(400)}}`), "number_out_of_range /data/a"],
    [data('{"a":1.7976931348623159e308}'), "number_out_of_range /data/a"],
    [lineWith({ extra: "1E999" }), "number_out_of_range /extra"],
  ],
  missing_field: [
    ["{}", "missing_field /eventId"],
    ...["eventId", "eventType", "eventVersion", "eventTime", "correlationId", "data"].flatMap(
      (name): Case[] => [
        [lineWith({ [name]: undefined }), `missing_field /${name}`],
        [lineWith({ [name]: "null" }), `missing_field /${name}`],
      ],
    ),
  ],
  wrong_type: [
    ...Object.keys(SAMPLE).flatMap((name): Case[] => [
      [lineWith({ [name]: "7" }), `wrong_type /${name}`],
      [lineWith({ [name]: "[]" }), `wrong_type /${name}`],
      [lineWith({ [name]: "false" }), `wrong_type /${name}`],
    ]),
    ...["correlationId", "causationId", "source"].flatMap((name): Case[] => [
      [lineWith({ [name]: '""' }), `wrong_type /${name}`],
      [lineWith({ [name]: q("x".repeat(257)) }), `wrong_type /${name}`],
      [lineWith({ [name]: q("é".repeat(128) + "x") }), `wrong_type /${name}`],
      [lineWith({ [name]: q("寿".repeat(86)) }), `wrong_type /${name}`],
      [lineWith({ [name]: q("🍣".repeat(65)) }), `wrong_type /${name}`],
      [lineWith({ [name]: "{}" }), `wrong_type /${name}`],
    ]),
    [lineWith({ data: q("{}") }), "wrong_type /data"],
  ],
  bad_event_id: [
    [lineWith({ eventId: '""' }), "bad_event_id /eventId"],
    [lineWith({ eventId: q("a b") }), "bad_event_id /eventId"],
    [lineWith({ eventId: q("é") }), "bad_event_id /eventId"],
    [lineWith({ eventId: q("a\n") }), "bad_event_id /eventId"],
    [lineWith({ eventId: q("\u007f") }), "bad_event_id /eventId"],
    [lineWith({ eventId: q("x".repeat(129)) }), "bad_event_id /eventId"],
  ],
  bad_event_type: [
    [lineWith({ eventType: '""' }), "bad_event_type /eventType"],
    [lineWith({ eventType: q("order created") }), "bad_event_type /eventType"],
    [lineWith({ eventType: q("x".repeat(129)) }), "bad_event_type /eventType"],
  ],
  bad_event_version: [
    "",
    "1",
    "1.",
    ".0",
    "01.0",
    "1.00",
    "1.0.0",
    "v1.0",
    "1.0 ",
    "-1.0",
    "1,0",
  ].map((version): Case => [
    lineWith({ eventVersion: q(version) }),
    "bad_event_version /eventVersion",
  ]),
  invalid_time: ["", "2024-02-30T00:00:00Z", `${TIMES}+24:00`, "1710527400000"].map(
    (time): Case => [lineWith({ eventTime: q(time) }), "invalid_time /eventTime"],
  ),
  zone_required: [TIMES, `${TIMES}.5`, TIMES.replace("T", " ")].map((time): Case => [
    lineWith({ eventTime: q(time) }),
    "zone_required /eventTime",
  ]),
};

describe.each(Object.entries(SPOILT))("%s", (_code, cases) => {
  test.each(cases.map(([line, expected], index) => [index, line, expected] as const))(
    "form %i is told with its place",
    (_index, line, expected) => {
      expect(verdict(line)).toBe(expected);
    },
  );
});

describe("bytes that are not UTF-8", () => {
  test.each([
    "%FF",
    "%C0%AF",
    "%E0%80%AF",
    "%ED%A0%80",
    "%F4%90%80%80",
    "%E5%AF",
    "%80",
    "%C3",
    "%F0%9F%8D",
  ])("%s is invalid_utf8 in a value, in a key, and where the grammar is broken", (bad) => {
    expect(verdict(bytesOf(data(`{"a":"${bad}"}`)))).toBe("invalid_utf8 ");
    expect(verdict(bytesOf(data(`{"${bad}":1}`)))).toBe("invalid_utf8 ");
    expect(verdict(bytesOf(`{${bad}`))).toBe("invalid_utf8 ");
    expect(verdict(bytesOf(`{}}}"${bad}`))).toBe("invalid_utf8 ");
  });

  test("a character cut by the line's end is invalid, though the next byte would end it", () => {
    const bytes = new TextEncoder().encode('{"é');
    expect(decodeEvent(bytes, 0, 3)).toMatchObject({ code: "invalid_utf8", pointer: "" });
    expect(decodeEvent(bytes, 0, 4)).toMatchObject({ code: "invalid_json", pointer: "" });
  });
});

describe("limits", () => {
  const ok: readonly Case[] = [
    [padded(262_144), "ok"],
    [data(`{"x":${nested(30)}}`), "ok"],
    [data(nested(31, '{"a":', "}").replace('"a":}', "}")), "ok"],
    [nested(32), "expected_object "],
    [data(wide(256)), "ok"],
    [lineWith({ eventId: q("~".repeat(128)), eventType: q("!".repeat(128)) }), "ok"],
    [lineWith({ correlationId: q("x".repeat(256)), source: q("é".repeat(128)) }), "ok"],
    [lineWith({ causationId: q("寿".repeat(85) + "x"), source: q("🍣".repeat(64)) }), "ok"],
    [lineWith({ eventVersion: '"0.1"' }), "ok"],
    [lineWith({ eventVersion: '"10.20"' }), "ok"],
    [lineWith({ eventVersion: '"0.0"' }), "ok"],
    [data('{"a":1e-999}'), "ok"],
    [data('{"a":1.7976931348623157e308}'), "ok"],
    [data("{}"), "ok"],
    [lineWith({ causationId: "null", source: "null" }), "ok"],
    [lineWith({ causationId: undefined, source: undefined }), "ok"],
    [` \t\r${lineWith({})}\t \r`, "ok"],
    [data('{"constructor":1,"toString":2,"prototype":{"hasOwnProperty":3}}'), "ok"],
    [data('{"a":"\\ud83c\\udf63 \\u00e9 \\"\\\\\\/\\b\\f\\n\\r\\t"}'), "ok"],
    [lineWith({ specversion: q("1.0"), id: "7", time: "null" }), "ok"],
  ];
  test.each(ok.map(([line, expected], index) => [index, line, expected] as const))(
    "form %i is still allowed",
    (_index, line, expected) => {
      expect(verdict(line)).toBe(expected);
    },
  );
});

describe("a line with several faults has the first of the contract's order", () => {
  const cases: readonly Case[] = [
    [`${"\ud800".repeat(1)}${" ".repeat(262_145)}`, "too_large "],
    [`${nested(33)}}`, "too_deep "],
    [`{]${nested(33)}`, "invalid_json "],
    ['{"a":"\\ud800"', "invalid_json "],
    ['["\\ud800"]', "invalid_utf8 /0"],
    [`[${wide(257)}]`, "expected_object "],
    [data(`{"a":1,"a":${wide(257)}}`), "too_many_keys /data/a"],
    [data('{"__proto__":1,"a":1,"a":2}'), "duplicate_key /data/a"],
    [data('{"__proto__":1,"__proto__":2}'), "duplicate_key /data/__proto__"],
    [data('{"n":1e999,"__proto__":1}'), "forbidden_key /data/__proto__"],
    ['{"n":1e999}', "number_out_of_range /n"],
    [data('{"a":1e999,"b":-1e999}'), "number_out_of_range /data/a"],
    [lineWith({ eventId: '""', eventType: '""' }), "bad_event_id /eventId"],
    [lineWith({ eventType: '""', eventVersion: undefined }), "bad_event_type /eventType"],
    [lineWith({ eventVersion: '"1"', eventTime: '""' }), "bad_event_version /eventVersion"],
    [lineWith({ eventTime: q(TIMES), correlationId: "1" }), "zone_required /eventTime"],
    [lineWith({ correlationId: undefined, causationId: '""' }), "missing_field /correlationId"],
    [lineWith({ causationId: '""', source: "1" }), "wrong_type /causationId"],
    [lineWith({ source: '""', data: undefined }), "wrong_type /source"],
  ];
  test.each(cases.map(([line, expected], index) => [index, line, expected] as const))(
    "form %i",
    (_index, line, expected) => {
      expect(verdict(line)).toBe(expected);
    },
  );

  test("bytes that are not UTF-8 come before depth and grammar", () => {
    expect(verdict(bytesOf(`${nested(33)}%FF`))).toBe("invalid_utf8 ");
    expect(verdict(bytesOf(`${" ".repeat(262_144)}%FF`))).toBe("too_large ");
  });

  test("an escape beyond UTF-8 in a later place than a broken grammar does not count", () => {
    expect(verdict('{"a" "\\ud800"}')).toBe("invalid_json ");
  });
});

describe("a fault", () => {
  test("never repeats a value", () => {
    for (const name of Object.keys(SAMPLE)) {
      const decoded = decode(lineWith({ [name]: q("SECRET value".repeat(30)) }));
      expect(isFault(decoded) && !decoded.message.includes("SECRET"), name).toBe(true);
    }
  });
});

describe("a decoded event", () => {
  test("has its members, its time and the raw spans of its envelope", () => {
    const line = lineWith({ source: '"caf\\u00e9 寿"', data: ' {"n": 1.50}', extra: "[1]" });
    const bytes = Buffer.from(`x\n${line}`);
    const decoded = decode(line);
    if (isFault(decoded)) throw new Error(decoded.message);
    expect(decoded.eventId).toBe("evt-1");
    expect(decoded.eventType).toBe("order.created");
    expect(decoded.source).toBe("café 寿");
    expect(decoded.timeMs).toBe(Date.UTC(2024, 2, 15, 18, 30));
    expect(Object.getPrototypeOf(decoded.event)).toBe(null);
    expect(decoded.event["extra"]).toEqual([1]);
    expect(decoded.event["eventTime"]).toBe("2024-03-15T18:30:00Z");
    const raws = Array.from({ length: 8 }, (_, member) =>
      bytes.subarray(decoded.spans[member * 2]!, decoded.spans[member * 2 + 1]!).toString(),
    );
    expect(raws.slice(0, 6)).toEqual(
      Object.values(SAMPLE)
        .slice(0, 6)
        .map((v) => q(v as string)),
    );
    expect(raws[6]).toBe('"caf\\u00e9 寿"');
    expect(raws[7]).toBe('{"n": 1.50}');
  });

  test("has no span and an empty source where a member is absent or null", () => {
    const decoded = decode(lineWith({ source: "null", causationId: undefined }));
    if (isFault(decoded)) throw new Error(decoded.message);
    expect(decoded.source).toBe("");
    expect(Array.from(decoded.spans.subarray(10, 14))).toEqual([-1, -1, -1, -1]);
  });

  test("has as content its envelope in canonical form, and nothing else", () => {
    const a = decode(
      lineWith({ source: "null", receivedAt: "7", data: '{"b":1.0,"a":"\\u0041"}' }),
    );
    const b = decode(
      `{"data": {"a":"A", "b":1}, ${lineWith({ data: undefined, source: undefined }).slice(1)}`,
    );
    if (isFault(a) || isFault(b)) throw new Error("Got a fault from a valid event.");
    expect(content(a)).toBe(content(b));
    expect(content(a)).toBe(
      '{"causationId":"cause-1","correlationId":"corr-1","data":{"a":"A","b":1},' +
        '"eventId":"evt-1","eventTime":"2024-03-15T18:30:00Z","eventType":"order.created",' +
        '"eventVersion":"1.0"}',
    );
  });

  test("differs in content where a time is written in another way", () => {
    const a = decode(lineWith({}));
    const b = decode(lineWith({ eventTime: q("2024-03-15t18:30:00Z") }));
    if (isFault(a) || isFault(b)) throw new Error("Got a fault from a valid event.");
    expect(a.timeMs).toBe(b.timeMs);
    expect(content(a)).not.toBe(content(b));
  });
});
