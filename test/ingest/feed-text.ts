// Events of a feed: a few layouts that come again and again, as shapes that can be learned, with
// values that change, some of them in kind, and arrays of objects of a few layouts, too.

import type { Random } from "../event/random.ts";
import { quoted } from "./event-text.ts";

const TEXTS: readonly string[] = [
  ..."a,SKU-1,SKU-12345,Pad Thai with tofu and more,Zoë,Łukasz Żółć,寿司 🍣,渡辺さくら,𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞".split(
    ",",
  ),
  ...["", " ", '"', "\\", "\n", "x".repeat(40), `${"x".repeat(15)}é`, `${"x".repeat(30)}🍣`],
];
const NUMBERS: readonly string[] = [
  ..."0 1 12 -7 12.34 0.07 99999999 123456789 -0.5 1e3 12.5e-2 123456789012345678 1e308".split(" "),
];

function text(random: Random): string {
  return random.below(3) > 0 ? quoted(random, random.pick(TEXTS)) : `"${random.below(1e9)}"`;
}

function number(random: Random): string {
  return random.below(2) > 0 ? `${random.below(1e6) / 100}` : random.pick(NUMBERS);
}

/** Mostly what the layout says, at times something else. */
function either(random: Random, usual: (random: Random) => string): string {
  if (random.below(20) > 0) return usual(random);
  return random.pick(["null", "true", "[]", "{}", "7", '"x"', '[{"b":1}]', '{"c":2,"d":{"e":3}}']);
}

function element(random: Random, depth: number): string {
  const sku = either(random, text);
  const price = either(random, number);
  switch (random.below(depth > 2 ? 2 : 4)) {
    case 0:
      return `{"sku":${sku},"price":${price},"isGift":${random.pick(["true", "false", "null"])}}`;
    case 1:
      return `{"price":${price}, "sku":${sku}}`;
    case 2:
      return `{"sku":${sku},"a name of more than thirty-two bytes":${price},"of":{"a":${sku}}}`;
    default:
      return `{"sku":${sku},"parts":${elements(random, depth + 1)},"price":${price}}`;
  }
}

function elements(random: Random, depth: number): string {
  const items = Array.from({ length: random.pick([0, 1, 2, 6]) }, () => element(random, depth));
  if (random.below(20) === 0) items.push(random.pick(["1", '"x"', "null", "[1]", "{}"]));
  return `[${items.join(random.pick([",", ",", ", "]))}]`;
}

/** One event of the feed. */
export function feedText(random: Random): string {
  const of = (usual: (random: Random) => string): string => either(random, usual);
  // More types than are kept, at times.
  const type = random.pick(["order.created", "order.paid", "till", `type.${random.below(100)}`]);
  const version = random.pick(["1.0", "1.0", "12.34", "1234567.8"]);
  const minute = random.pick(["18:30", "18:30", "18:31"]);
  const time = `2024-03-15T${minute}:${10 + random.below(50)}.${100 + random.below(900)}Z`;
  const envelope = [
    `"eventId":"evt-${random.below(1e9)}","eventType":"${type}","eventVersion":"${version}"`,
    `,"eventTime":"${time}","correlationId":${quoted(random, `c${random.pick(TEXTS)}`)}`,
    random.pick(["", "", `,"source":"till-${random.below(9)}"`, ',"causationId":null']),
  ].join("");
  const total = `"n":${of(number)}`;
  const data = random.pick([
    `"orderId":${of(text)},"a":${of(text)},"items":${elements(random, 0)},${total}`,
    `"a":${of(text)},"b":{"c":${of(text)},"d":{"e":${of(number)}},"zz":${of(number)}},${total}`,
    `${total},"zz":{"name":${of(text)},"lines":${elements(random, 0)}},"a":${of(number)}`,
  ]);
  return `{${envelope},"data":{${data}}}`;
}
