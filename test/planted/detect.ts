// Run by tools/planted.ts in a process of its own: `node detect.ts <folder of a core> <part>`.
// Looks for the first wrong answer of that core. A line `case` a case, then one line of JSON.

import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import type { Detected } from "./mistake.ts";

const CASES = Number(process.env["MILLRACE_CASES"] ?? 2000);
const [core, part] = process.argv.slice(2) as [string, string];

const url = pathToFileURL(`${core}/node.js`).href;
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "#core-wasm"
      ? { url, format: "module", shortCircuit: true }
      : next(specifier, context),
});

async function detect(): Promise<Detected> {
  const { oracles } = await import("./oracle.ts");
  const oracle = oracles[part];
  const wrong = oracle === undefined ? null : await oracle();
  if (wrong !== null) return { by: "oracle", cases: 1, failure: wrong };
  const { randomCase } = await import("../twin/case.ts");
  const { checkCase } = await import("../twin/check.ts");
  for (let seed = 1; seed <= CASES; seed++) {
    process.stdout.write("case\n");
    const { failure } = await checkCase(randomCase(seed));
    if (failure !== null) return { by: "twin", cases: seed, failure };
  }
  return { by: null, cases: CASES, failure: "" };
}

// A mutant may leave promises that never settle, and timers.
const detected = await detect().catch((error: unknown): Detected => {
  return { by: "load", cases: 0, failure: `threw ${String(error)}` };
});
process.stdout.write(`${JSON.stringify(detected)}\n`, () => process.exit(0));
