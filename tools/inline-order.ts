// `node tools/inline-order.ts [minutes]`: looks for an order of characters (inline.ts) of which brotli
// makes less, beginning with the one that is there, by swapping two at a time. Prints the best.

import { readFileSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";
import { ORDER, textOf } from "./inline.ts";

const bytes = readFileSync(new URL("../dist/core/core.wasm", import.meta.url));
const end = Date.now() + Number(process.argv[2] ?? 10) * 60_000;

let best = [...ORDER];
let bestSize = sizeOf(best);
while (Date.now() < end) {
  const order = [...best];
  const [one, other] = [randomPlace(), randomPlace()];
  [order[one], order[other]] = [order[other]!, order[one]!];
  const size = sizeOf(order);
  if (size < bestSize) [best, bestSize] = [order, size];
}
process.stdout.write(`${bestSize} bytes: [${best.join(", ")}]\n`);

function sizeOf(order: readonly number[]): number {
  return brotliCompressSync(textOf(bytes, order)).length;
}

function randomPlace(): number {
  return Math.floor(Math.random() * ORDER.length);
}
