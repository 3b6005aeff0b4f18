// Engine == model: what is known to be difficult. Random cases: twin/random-cases.ts.

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkCase } from "./twin/check.ts";
import { edgeCases } from "./twin/edge-cases.ts";
import { regressions } from "./twin/regressions.ts";

test("the model shares no code with the engine", () => {
  const folder = new URL("model/", import.meta.url);
  const files = readdirSync(folder).map((name) => new URL(name, folder));
  for (const file of [new URL("model.ts", import.meta.url), ...files]) {
    const text = readFileSync(file, "utf8");
    for (const [, from] of text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)) {
      const target = new URL(from!, file).pathname;
      expect(target, `${file.pathname} imports ${from}`).toMatch(/\/test\/model(\.ts$|\/)/);
    }
  }
});

test.each(regressions)("no longer differs: %s", async (_, each) => {
  expect((await checkCase(each)).failure).toBeNull();
});

test.each(edgeCases)("the engine gives what the model gives at edge $seed", async (each) => {
  expect((await checkCase(each)).failure).toBeNull();
});
