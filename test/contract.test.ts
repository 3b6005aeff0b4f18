// docs/contract.md, run: its plan is accepted and its defaults are those of a plan that says
// nothing, its words are those that the checks know, and its shapes those that an engine gives.
// And the README's first program.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EVENT_CODES, QUARANTINE_CODES } from "../engine/event/fault.ts";
import { checkPlan } from "../engine/query/plan.ts";
import { BINARY, CHAINS, FUNCTIONS } from "../engine/query/vocabulary.ts";
import { engineOf, event, planOf } from "./builders.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const text = read("../docs/contract.md");
const blocks = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => JSON.parse(json!));
const [plan, change, receipt] = blocks as [Plan, object, object];

interface Plan {
  readonly queries: readonly object[];
}

/** What stands in backticks between two places of the text, without quotes. */
function wordsBetween(from: string, to: string): string[] {
  const part = text.slice(text.indexOf(from), text.indexOf(to, text.indexOf(from)));
  return [...part.matchAll(/`([a-z0-9_]+)`/g)].map(([, word]) => word!);
}

test("its plan has no faults, and its defaults are the plan's", () => {
  const { plan: checked, faults } = checkPlan(plan);
  expect(faults).toEqual([]);
  const silent = { ...plan, clock: undefined, limits: undefined };
  const queries = plan.queries.map((query) => ({ ...query, emit: undefined, retain: undefined }));
  const bare = JSON.parse(JSON.stringify({ ...silent, queries })) as unknown;
  expect(checkPlan(bare).plan).toEqual({ ...checked, source: expect.any(String) });
});

test("its windows are accepted, and are all that there are", () => {
  const rows = [...text.matchAll(/^\| `\{ kind: "([a-z]+)"(.*?) \}`/gm)];
  const values = { size: "1d", every: "1h", gap: "5m", grace: "0s", timezone: "Europe/Berlin" };
  for (const [, kind, rest] of rows) {
    const members = Object.entries(values).filter(([name]) => rest!.includes(` ${name}`));
    const window = { kind, ...Object.fromEntries(members) };
    const query = { ...plan.queries[0], window };
    expect(checkPlan({ ...plan, queries: [query] }).faults).toEqual([]);
  }
  const known = read("../engine/query/window.ts").match(/const MEMBERS = \{([\s\S]*?)\}/)![1]!;
  const kinds = [...known.matchAll(/^ {2}([a-z]+):/gm)].map(([, kind]) => kind);
  expect(new Set(rows.map(([, kind]) => kind))).toEqual(new Set(kinds));
});

test("its functions and operators are those that there are", () => {
  const table = text.slice(text.indexOf("| `fn` |"), text.indexOf("Each may have a `where`"));
  const rows = [...table.matchAll(/^\| (`[^|]*`) \|/gm)].slice(1);
  const written = rows.flatMap(([, names]) => names!.split(", ").map((name) => name.slice(1, -1)));
  expect(written.toSorted()).toEqual(Object.keys(FUNCTIONS).toSorted());
  const part = text.slice(text.indexOf("**Expressions**"), text.indexOf("## A change"));
  const operators = [...part.matchAll(/"([^"]+)"/g)].map(([, name]) => name!);
  const known = [...Object.keys(BINARY), ...Object.keys(CHAINS), "get", "has", "!", "in", "case"];
  expect(operators.toSorted()).toEqual(known.toSorted());
});

test("its codes are those that there are", () => {
  const codes = wordsBetween("Codes of an event", "Faults of a host");
  expect(codes.toSorted()).toEqual([...EVENT_CODES, ...QUARANTINE_CODES].toSorted());
  const source = read("../engine/store/host-fault.ts");
  const union = source.slice(0, source.indexOf(";"));
  const faults = [...union.matchAll(/\| "([a-z_]+)"/g)].map(([, code]) => code!);
  const named = wordsBetween("Faults of a host", "## A log");
  expect(named.toSorted()).toEqual(["code", ...faults].toSorted());
});

test("the README's first program runs as it stands", () => {
  const [, program] = read("../README.md").match(/```ts\n([\s\S]*?)```/)!;
  const folder = mkdtempSync(join(tmpdir(), "millrace-readme-"));
  const file = join(folder, "program.mts");
  const built = JSON.stringify(new URL("../dist/engine/index.js", import.meta.url));
  writeFileSync(file, program!.replace('"millrace"', built));
  const shown = execFileSync(process.execPath, [file], { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  expect(shown).toContain("kind: 'update'");
  expect(shown).toContain("accepted: 1");
  expect(shown).toContain("revenue: 29.9");
});

test("a receipt, a change and a row have its members", async () => {
  const engine = await engineOf(planOf({}), []);
  const told: object[] = [];
  engine.subscribe("q", (changes) => told.push(...changes));
  const given = await engine.push([event("a", 1), { eventId: "bad" }]);
  expect(Object.keys(given)).toEqual(Object.keys(receipt));
  const [invalid] = (receipt as { invalid: object[] }).invalid;
  expect(Object.keys(given.invalid[0]!)).toEqual(Object.keys(invalid!));
  expect(Object.keys(told[0]!)).toEqual(Object.keys(change));
  const { kind: _, position: __, ...row } = told[0] as Record<string, unknown>;
  expect(engine.view("q").rows()).toEqual([{ ...row, final: false }]);
});
