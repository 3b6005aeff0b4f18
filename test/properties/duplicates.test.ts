// A line sent again, anywhere behind the first, changes nothing: no state, no final, no row.

import { expect } from "vitest";
import { pushesOf, randomCase, runModel } from "../twin/case.ts";
import { runEngine, type EngineRun } from "../twin/engine-run.ts";
import type { Line } from "../model.ts";
import { Random } from "../twin/random.ts";
import { property } from "./property.ts";
import { countsOf, finalsOf, viewsOf } from "./shown.ts";

const shown = (run: EngineRun): object => ({
  stateHash: run.stateHash,
  counts: countsOf(run),
  finals: finalsOf(run),
  views: viewsOf(run),
});

property("duplicates anywhere", { some: 50, many: 4000 }, async (seed, seen) => {
  const random = new Random(seed);
  const { plan, ...each } = randomCase(seed);
  // Where a line sent again may be held again, another one would be released.
  const lines = each.lines.filter(({ release }) => release === undefined);
  const cut = lines.map(() => random.chance(0.2));
  const pushes = pushesOf(lines, cut);
  const once = await runEngine(plan, pushes, { random, reopenAt: -1 });
  const dispositions = runModel(plan, pushes).pushed.flatMap((push) => push.dispositions);
  // A conflict could be accepted once the first event is forgotten, and so could what found a full
  // quarantine; a tick has no identity.
  const isSafe = lines.map((_, index) => {
    return ["accepted", "duplicate", "quarantined"].includes(dispositions[index]!.what);
  });
  for (const sent of [directlyBehind(lines, isSafe), atTheEnd(lines, isSafe), anywhere()]) {
    const otherCut = sent.map(() => random.chance(0.2));
    const twice = await runEngine(plan, pushesOf(sent, otherCut), { random, reopenAt: -1 });
    expect(shown(twice)).toEqual(shown(once));
    seen("lines sent again", sent.length - lines.length);
  }
  seen("rows", once.before.flatMap(({ rows }) => rows).length);

  function anywhere(): Line[] {
    const sent: Line[] = [];
    const known: Line[] = [];
    for (const [index, line] of lines.entries()) {
      sent.push(line);
      if (isSafe[index] === true) known.push(line);
      while (known.length > 0 && random.chance(0.6)) sent.push(random.pick(known));
    }
    return sent;
  }
});

function directlyBehind(lines: readonly Line[], isSafe: readonly boolean[]): Line[] {
  return lines.flatMap((line, index) => (isSafe[index] === true ? [line, line] : [line]));
}

function atTheEnd(lines: readonly Line[], isSafe: readonly boolean[]): Line[] {
  return [...lines, ...lines.filter((_, index) => isSafe[index] === true)];
}
