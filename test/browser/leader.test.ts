// What a leader answers while the core of its engine, having failed, is made again.

import { expect, test, vi } from "vitest";
import { Leader } from "../../engine/browser/leader.ts";
import { encodeUtf8 } from "../../engine/event/utf8.ts";
import { Core } from "../../engine/core/core.ts";
import { ordersOf, PLAN } from "./sample.ts";

test("a push has its receipt, whatever becomes of the one behind it", async () => {
  const options = {
    plan: PLAN,
    name: "log",
    storage: "memory",
    since: 0,
    deadlineMs: 30_000,
    idleTicks: false,
    retention: null,
    aliveLock: null,
  } as const;
  const applied: number[] = [];
  const leader = await Leader.open(options, undefined, (position) => applied.push(position));
  let pushes = 0;
  const apply = Reflect.get(Core.prototype, "apply");
  const spy = vi.spyOn(Core.prototype, "apply").mockImplementation(function (this: Core, emit) {
    apply.call(this, emit);
    if (++pushes !== 2) return;
    spy.mockRestore();
    throw new WebAssembly.RuntimeError("unreachable");
  });
  const push = (from: number) =>
    leader.perform("push", [encodeUtf8(ordersOf(from, 3)).slice().buffer, {}]);
  const receipts = await Promise.all([push(0), push(3)]);
  expect(receipts.map(({ accepted, position }) => [accepted, position])).toEqual([
    [3, 3],
    [3, 6],
  ]);
  expect(applied.at(-1)).toBe(6);
  await leader.close();
});
