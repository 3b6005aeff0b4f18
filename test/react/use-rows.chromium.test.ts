// `useRows` in a page: what is shown, and how often it is rendered.

import { createElement, StrictMode, useState, type ReactNode } from "react";
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
import { afterEach, expect, test } from "vitest";
import type { Engine, Row, RowSource } from "../../engine/index.ts";
import { useRows, type UseRowsOptions } from "../../engine/react/use-rows.ts";
import { engineOf, event, planOf } from "../builders.ts";

const plan = planOf({
  key: { id: "data.id" },
  window: { kind: "tumbling", size: 10, grace: 0 },
  retain: 20,
  emit: "none",
});

const roots: Root[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) root.unmount();
});

function mounted(element: ReactNode): HTMLElement {
  const host = document.body.appendChild(document.createElement("div"));
  const root = createRoot(host);
  roots.push(root);
  root.render(element);
  return host;
}

const textOf = (rows: readonly Row[]): string =>
  rows
    .map(({ key, value, final }) => `${String(key["id"])}=${String(value["n"])}${final ? "!" : ""}`)
    .join(" ");

/** A component of one key, which counts its renderings. */
function counted(): {
  Rows: (props: { source: RowSource | null; options?: UseRowsOptions }) => ReactNode;
  readonly count: number;
} {
  let count = 0;
  return {
    Rows: ({ source, options }) => {
      count++;
      // Written anew at each rendering, as it is where it is used.
      return textOf(useRows(source, "q", { ...options }));
    },
    get count() {
      return count;
    },
  };
}

/** Longer than React takes to render what it was told of. */
const idle = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 50));

test("a component follows the rows of its key, and renders on their changes only", async () => {
  const engine = await engineOf(plan, [event("a", 1, { id: "A" })]);
  const own = counted();
  let follows = 0;
  const source: RowSource = {
    rows: (...words) => engine.rows(...words),
    onRows: (...words) => {
      follows++;
      return engine.onRows(...words);
    },
  };
  const host = mounted(createElement(own.Rows, { source, options: { key: { id: "A" } } }));
  await expect.poll(() => host.textContent).toBe("A=1");
  await idle();
  expect(own.count).toBe(1);

  await engine.push(event("b", 2, { id: "A" }));
  await expect.poll(() => host.textContent).toBe("A=2");
  expect(own.count).toBe(2);

  // Other keys, a duplicate, and time in which nothing happens to the row.
  await engine.push([event("c", 2, { id: "B" }), event("d", 3, { id: "C" })]);
  await engine.push(event("b", 2, { id: "A" }));
  await engine.tick(5);
  await idle();
  expect(own.count).toBe(2);

  await engine.tick(11);
  await expect.poll(() => host.textContent).toBe("A=2!");
  expect(own.count).toBe(3);

  // It leaves by `retain`.
  await engine.tick(31);
  await expect.poll(() => host.textContent).toBe("");
  expect(own.count).toBe(4);
  await engine.tick(50);
  await idle();
  expect(own.count).toBe(4);
  expect(follows).toBe(1);
});

test("a component without a filter follows all rows, in the order of the view", async () => {
  const engine = await engineOf(plan);
  const all = counted();
  const host = mounted(
    createElement(StrictMode, null, createElement(all.Rows, { source: engine })),
  );
  await engine.push([event("b", 5, { id: "B" }), event("a", 1, { id: "A" })]);
  await expect.poll(() => host.textContent).toBe("A=1 B=1");
  await engine.push(event("c", 12, { id: "A" }));
  await expect.poll(() => host.textContent).toBe("A=1! B=1! A=1");
});

test("a push between rendering and following is seen", async () => {
  const engine = await engineOf(plan);
  let pushed: Promise<unknown> | null = null;
  const Late = (): ReactNode => {
    const rows = useRows(engine, "q");
    // The memory store is synchronous: applied before the component is mounted.
    pushed ??= engine.push(event("a", 1, { id: "A" }));
    return textOf(rows);
  };
  const host = mounted(createElement(Late));
  await expect.poll(() => host.textContent).toBe("A=1");
});

test("another filter, and an engine that comes later, are followed", async () => {
  const engine = await engineOf(plan, [[event("a", 1, { id: "A" }), event("b", 2, { id: "B" })]]);
  const one = counted();
  let change: (props: { engine: Engine | null; id: string }) => void = () => {};
  const Changing = (): ReactNode => {
    const [props, set] = useState<{ engine: Engine | null; id: string }>({ engine: null, id: "A" });
    change = set;
    return createElement(one.Rows, { source: props.engine, options: { key: { id: props.id } } });
  };
  const host = mounted(createElement(Changing));
  await idle();
  expect(host.textContent).toBe("");
  change({ engine, id: "A" });
  await expect.poll(() => host.textContent).toBe("A=1");
  change({ engine, id: "B" });
  await expect.poll(() => host.textContent).toBe("B=1");
  await idle();
  const { count } = one;
  await engine.push(event("c", 3, { id: "A" }));
  await idle();
  expect(one.count).toBe(count);
  await engine.push(event("d", 3, { id: "B" }));
  await expect.poll(() => host.textContent).toBe("B=2");
});

test("a page takes over what the server rendered, then shows its own", async () => {
  const engine = await engineOf(plan, [event("a", 1, { id: "A" })]);
  const host = document.body.appendChild(document.createElement("div"));
  host.innerHTML = "S=9";
  const serverRows: Row[] = [
    {
      query: "q",
      key: { id: "S" },
      window: { start: 0, end: 10 },
      value: { n: 9 },
      final: false,
      revision: 9,
    },
  ];
  const problems: unknown[] = [];
  const element = createElement(counted().Rows, { source: engine, options: { serverRows } });
  roots.push(hydrateRoot(host, element, { onRecoverableError: (error) => problems.push(error) }));
  await expect.poll(() => host.textContent).toBe("A=1");
  expect(problems).toEqual([]);
});
