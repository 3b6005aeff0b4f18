import { randomCase } from "./test/twin/case.ts";
import { checkCase, printed, shrink } from "./test/twin/check.ts";
const from = Number(process.argv[2]), to = Number(process.argv[3]);
const max = Number(process.argv[4] ?? 5);
let bad = 0, invalid = 0, ok = 0;
const kinds: Record<string, number> = {};
for (let seed = from; seed < to && bad < max; seed++) {
  const each = randomCase(seed);
  let failure: string | null;
  try { failure = (await checkCase(each)).failure; } catch (e) { failure = "EXC " + String((e as Error).stack); }
  if (failure === null) { ok++; continue; }
  if (failure.includes("PlanRefused")) { invalid++; if (invalid < 3) console.log("refused", seed, failure.slice(0, 300)); continue; }
  bad++;
  const small = await shrink(each).catch(() => each);
  const f2 = await checkCase(small).then((r) => r.failure, (e) => "EXC " + String((e as Error).stack));
  console.log("SEED", seed, failure.slice(0, 500), "\n--small:", (f2 ?? "").slice(0, 900), "\n", printed(small).slice(0, 2500), "\n");
}
console.log({ ok, bad, invalid });
