// `useRows` where there is no page: what a server renders.

import { createElement, type ReactNode } from "react";
import { renderToString } from "react-dom/server";
import { expect, test } from "vitest";
import type { Engine, Row } from "../../engine/index.ts";
import { useRows, type UseRowsOptions } from "../../engine/react/use-rows.ts";
import { engineOf, event, planOf } from "../builders.ts";

const plan = planOf({ key: { id: "data.id" } });

function Rows({ engine, options }: { engine: Engine | null; options: UseRowsOptions }): ReactNode {
  const rows = useRows(engine, "q", options);
  return rows.map(({ key, value }) => `${String(key["id"])}=${String(value["n"])};`).join("");
}

const rendered = (engine: Engine | null, options: UseRowsOptions = {}): string =>
  renderToString(createElement(Rows, { engine, options }));

test("a server renders the rows that its engine has, of the filter", async () => {
  const engine = await engineOf(plan, [
    [event("a", 1, { id: "A" }), event("b", 2, { id: "B" }), event("c", 3, { id: "A" })],
    [event("d", 15, { id: "A" })],
  ]);
  expect(rendered(engine)).toBe("A=2;B=1;A=1;");
  expect(rendered(engine, { key: { id: "A" } })).toBe("A=2;A=1;");
  expect(rendered(engine, { from: 10 })).toBe("A=1;");
  expect(rendered(engine, { to: 10, key: { id: "B" } })).toBe("B=1;");
});

test("a server renders the rows that it is given", async () => {
  const engine = await engineOf(plan);
  const window = { start: 0, end: 10 };
  const row: Row = {
    query: "q",
    key: { id: "C" },
    window,
    value: { n: 7 },
    final: true,
    revision: 8,
  };
  expect(rendered(engine, { serverRows: [row] })).toBe("C=7;");
  expect(rendered(null, { serverRows: [row] })).toBe("C=7;");
});

test("there are no rows before there is an engine", () => {
  expect(rendered(null)).toBe("");
});

test("a key that the query has not is told where it is used", async () => {
  const engine = await engineOf(plan);
  expect(() => rendered(engine, { key: { ID: "A" } })).toThrow("look at ID.");
  expect(() => rendered(engine, { key: { id: undefined as never } })).toThrow(
    "each a string, number",
  );
});

test("an unknown query is told where it is used", async () => {
  const engine = await engineOf(plan);
  const Wrong = (): string => `${useRows(engine, "nothing").length}`;
  expect(() => renderToString(createElement(Wrong))).toThrow("No query of this plan");
});
