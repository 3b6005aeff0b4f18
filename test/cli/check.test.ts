// check and explain: the faults of a plan, and its topology.

import { describe, expect, test } from "vitest";
import { folder, millrace, PLAN, QUERY } from "./terminal.ts";

const file = folder();
const plan = file("plan.json", PLAN);
const wrong = file("wrong.json", {
  version: 2,
  queries: [{ ...QUERY, window: { kind: "tumbling", size: "1m" } }],
});

describe("check", () => {
  test("says in one sentence that a plan has no faults", async () => {
    const { code, stdout, stderr } = await millrace(["check", plan]);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `${plan} has no faults.\n`,
      stderr: "",
    });
  });

  test("lists every fault with code, pointer and message", async () => {
    const { code, stdout, stderr } = await millrace(["check", wrong]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: "" });
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^unsupported_version at "\/version": .*Got 2\.$/);
    expect(lines[1]).toMatch(/^grace_required at "\/queries\/0\/window\/grace": /);
  });

  test("knows the catalogue orders, which this version does not run", async () => {
    const { code, stdout } = await millrace([
      "check",
      file("catalogue.json", { ...PLAN, catalogue: "orders" }),
    ]);
    expect(code).toBe(2);
    expect(stdout).toMatch(/^not_supported_yet at "\/catalogue": [^\n]*\n$/);
  });

  test("shows no control characters of a plan", async () => {
    const { stdout } = await millrace([
      "check",
      file("control.json", { ...PLAN, "\u001b[31m\u202e": 1 }),
    ]);
    expect(stdout).toContain("\\u001b[31m\\u202e");
    expect(stdout).not.toContain("\u001b");
    expect(stdout).not.toContain("\u202e");
  });

  test("skips a byte-order mark", async () => {
    const marked = file("marked.json", `\ufeff${JSON.stringify(PLAN)}`);
    expect((await millrace(["check", marked])).code).toBe(0);
  });

  test.each([
    ["a file that is not there", "/nowhere/plan.json", "cannot be read: ENOENT"],
    ["what is no JSON", file("broken.json", '{"version":1,'), "is not JSON: "],
    ["what is no UTF-8", file("latin.json", Uint8Array.of(0x22, 0xe9, 0x22)), "cannot be read: "],
  ])("refuses %s", async (_, path, reason) => {
    for (const command of ["check", "explain", "run"]) {
      const { code, stdout, stderr } = await millrace([command, path]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toContain(`The plan ${path} ${reason}`);
    }
  });
});

test("run and explain refuse a wrong plan with its faults on standard error", async () => {
  for (const words of [
    ["run", wrong, "/nowhere/recording"],
    ["explain", wrong],
  ]) {
    const { code, stdout, told } = await millrace(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(told[0]).toBe(`${wrong} has 2 faults:`);
    expect(told).toHaveLength(3);
    expect(told[1]).toMatch(/^unsupported_version at "\/version"/);
  }
});

test("--emit does not hide that the plan's own emit is wrong", async () => {
  const strange = file("emit.json", { ...PLAN, queries: [{ ...QUERY, emit: "some" }] });
  const { code, stderr } = await millrace(["run", strange, "--emit", "all"]);
  expect(code).toBe(2);
  expect(stderr).toContain('unknown_emit at "/queries/0/emit"');
});

describe("explain", () => {
  test("draws types, query, key and window, view and changes", async () => {
    const { code, stdout } = await millrace(["explain", plan]);
    expect(code).toBe(0);
    expect(stdout).toBe(`flowchart LR
  type0(["*"])
  query0["counts"]
  window0["by k = data.k<br>tumbling 1m, grace 0s"]
  view0[("view<br>n, sum<br>final rows stay 1d")]
  changes0>"changes<br>updates and finals"]
  type0 --> query0
  query0 --> window0
  window0 --> view0
  window0 --> changes0
`);
  });

  test("draws each type once, no changes where none are told, and conditions as text", async () => {
    const where = ["all", [">", ["get", "data.x"], 1], ["!", ["has", "data.y"]]];
    const both = file("two.json", {
      version: 1,
      queries: [
        { ...QUERY, from: ["a", "b.*"], where, key: {}, emit: "none" },
        { ...QUERY, name: "finals", from: ["b.*"], emit: "final", retain: 1500 },
      ],
    });
    const { stdout } = await millrace(["explain", both]);
    expect(stdout.match(/type\d\(\[/g)).toHaveLength(2);
    expect(stdout).toContain("where (data.x #62; 1) and (not (has data.y))");
    expect(stdout).toContain('window0["one group<br>');
    expect(stdout).not.toContain("changes0");
    expect(stdout).toContain('changes1>"changes<br>finals"]');
    expect(stdout).toContain("final rows stay 1500ms");
    expect(stdout).toContain("  type1 --> query0\n");
    expect(stdout).toContain("  type1 --> query1\n");
  });

  test("keeps a name from being read as Mermaid", async () => {
    const name = '"]; end --> x["`<script>#';
    const { stdout } = await millrace([
      "explain",
      file("name.json", { ...PLAN, queries: [{ ...QUERY, name }] }),
    ]);
    const escaped = "#34;]; end --#62; x[#34;#96;#60;script#62;#35;";
    expect(stdout).toContain(`query0["${escaped}"]\n`);
  });
});
