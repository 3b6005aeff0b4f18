// Run by tools/planted.ts in a process of its own: `node detect.ts <folder of a core> <part>
// <first seed> <last seed>`. Looks for the first wrong answer of that core: from seed 1, of the
// oracle and the edge cases too. A line a case, so that silence shows a loop, then a line of JSON.

import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import type { Detected } from "./mistake.ts";

const [core, part, first, last] = process.argv.slice(2) as [string, string, string, string];

const url = pathToFileURL(`${core}/node.js`).href;
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "#core-wasm"
      ? { url, format: "module", shortCircuit: true }
      : next(specifier, context),
});

async function detectByHand(): Promise<Detected | null> {
  const { oracles } = await import("./oracle.ts");
  const { checkCase } = await import("../twin/check.ts");
  const { edgeCases } = await import("../twin/edge-cases.ts");
  const wrong = (await oracles[part]?.()) ?? null;
  if (wrong !== null) return { by: "oracle", cases: 1, failure: wrong };
  for (const each of edgeCases) {
    const { failure } = await checkCase(each);
    if (failure !== null) return { by: "edge", cases: each.seed, failure };
  }
  return null;
}

async function detect(): Promise<Detected> {
  const byHand = first === "1" ? await detectByHand() : null;
  if (byHand !== null) return byHand;
  const { randomCase } = await import("../twin/case.ts");
  const { checkCase } = await import("../twin/check.ts");
  for (let seed = Number(first); seed <= Number(last); seed++) {
    process.stdout.write(`${seed}\n`);
    const { failure } = await checkCase(randomCase(seed));
    if (failure !== null) return { by: "twin", cases: seed, failure };
  }
  return { by: null, cases: Number(last), failure: "" };
}

// A mutant may leave promises that never settle, and timers.
const detected = await detect().catch((error: unknown): Detected => {
  return { by: "load", cases: 0, failure: `threw ${String(error)}` };
});
process.stdout.write(`${JSON.stringify(detected)}\n`, () => process.exit(0));
