// Hostile values, and JSON text written in one of its many ways.

import { isObject, type Json } from "../model/json.ts";
import type { Random } from "./random.ts";

/** Within the range of `sum`: at most 6 fraction digits, below 2^53. */
export const PLAIN_NUMBERS = [
  ...[0, -0, 1, 2, 3, -1, 10, 50, 0.1, 0.2, 0.3, -0.1, 1.5, 12.34, 19.99, 1e-6, 1e15],
  ...[12345678901.123456, -12345678901.123456, 2 ** 53 - 1, -(2 ** 53) + 1, 999999.999999],
];
/** Beyond it. */
export const WILD_NUMBERS = [1e-7, 2 ** 53, 1e300, -1e300, 5e-324, 0.1234567, 1.7e308, 1 / 3];

/** In UTF-16 order the astral ones come before U+FFEE; in UTF-8 order after. */
export const STRINGS = [
  ...["", "a", "b", "A", "ab", "~", "é", "e\u0301", "東京", "\uffee", "𝒳", "😀", "𐀀b"],
  ...["__other__", "1", "true", "null", '"', "\\", "\n", "\u0000", "constructor"],
];

export function randomNumber(random: Random, wild: boolean): number {
  if (wild && random.chance(0.3)) return random.pick(WILD_NUMBERS);
  if (random.chance(0.5)) return random.pick(PLAIN_NUMBERS);
  return Number((random.between(-2000, 20_000) / random.pick([1, 10, 100, 1e6])).toFixed(6));
}

/** JSON text of a value: members in any order, numbers and strings spelled in any way. */
export function render(value: Json, random: Random): string {
  const gap = (): string => (random.chance(0.04) ? random.pick([" ", "  ", "\t"]) : "");
  if (Array.isArray(value)) {
    return `[${gap()}${value.map((each: Json) => render(each, random)).join(`${gap()},`)}]`;
  }
  if (isObject(value)) {
    const names = random.chance(0.5) ? random.shuffled(Object.keys(value)) : Object.keys(value);
    const members = names.map((name) => {
      return `${gap()}${text(name, random)}${gap()}:${gap()}${render(value[name]!, random)}`;
    });
    return `{${members.join(`${gap()},`)}${gap()}}`;
  }
  if (typeof value === "number") return numeral(value, random);
  return typeof value === "string" ? text(value, random) : String(value);
}

function numeral(value: number, random: Random): string {
  const plain = Object.is(value, -0) ? "-0" : String(value);
  if (!random.chance(0.1)) return plain;
  if (/^-?\d+$/.test(plain)) return random.pick([`${plain}.0`, `${plain}e0`, `${plain}E+00`]);
  return plain.includes("e") ? plain.replace("e", "E") : `${plain}0`;
}

function text(value: string, random: Random): string {
  const plain = JSON.stringify(value);
  if (!random.chance(0.1)) return plain;
  // What is not ASCII may be escaped; astral characters as two surrogates.
  return plain.replace(/[^\p{ASCII}]/gu, (each) => {
    const units = Array.from({ length: each.length }, (_, index) => each.charCodeAt(index));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  });
}

export type Members = { [name: string]: Json };
