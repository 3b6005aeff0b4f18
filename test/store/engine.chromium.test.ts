// An engine on IndexedDB, in Chromium: every write of it is strict, a receipt is given when its
// transaction is complete and not before, and a connection that is lost under load loses nothing.
// What strict does to the disk is the browser's promise: power loss is not tested.

import { afterEach, describe, expect, test } from "vitest";
import { memory, type Engine, type Store } from "../../engine/index.ts";
import { indexeddb } from "../../engine/store/indexeddb.ts";
import { engineOf, event, eventsAt, planOf, tumbling } from "../builders.ts";
import { restoreMethods, watchConnections, watchTransactions } from "./watched-indexeddb.ts";

const PLAN = planOf({ key: { k: "data.k" }, window: tumbling(10, 5) }, { clock: { dedup: 500 } });

let logCount = 0;
const newStore = (): Store => indexeddb(`engine-${Date.now()}-${logCount++}`);

/** Everything that an engine writes. */
const WRITES: readonly (readonly [name: string, write: (engine: Engine) => Promise<unknown>])[] = [
  ["push", (engine) => engine.push([event("a", 1), event("b", 2), event("a", 1), { bad: 1 }])],
  ["push with a receive time", (engine) => engine.push(event("c", 1000), { receivedAt: 1000 })],
  ["push that holds a line", (engine) => engine.push(event("old", 5))],
  ["tick", (engine) => engine.tick(2000)],
  ["release", (engine) => engine.release(engine.quarantine().map(({ id }) => id))],
  ["reprocess", (engine) => engine.reprocess("q", { from: 0, to: 100 })],
  ["snapshot", (engine) => engine.snapshot()],
  ["last push", (engine) => engine.push(event("z", 3000))],
  ["close", (engine) => engine.close()],
];

describe("An engine on IndexedDB", () => {
  afterEach(restoreMethods);

  test("writes with strict durability only, and answers when all is complete", async () => {
    const begun = watchTransactions();
    const engine = await engineOf(PLAN, [], { store: newStore() });
    for (const [name, write] of WRITES) {
      begun.splice(0);
      await write(engine);
      const written = begun.filter(({ mode }) => mode !== "readonly");
      const strictly = { mode: "readwrite", durability: "strict", completed: true };
      expect({ name, written }).toEqual({ name, written: written.map(() => strictly) });
      expect(written.length, name).toBeGreaterThan(0);
    }
  });

  test.each(["closed under it", "ended by the browser"] as const)(
    "loses nothing when its connection is %s again and again, mid-load",
    async (how) => {
      const connections = watchConnections();
      const store = newStore();
      const engine = await engineOf(PLAN, [], { store });
      const pushes = Array.from({ length: 60 }, (_, push) => {
        const times = Array.from({ length: 20 }, (_, index) => push * 20 + index);
        return eventsAt(times, { k: `k${push % 3}` }, `p${push}-`);
      });
      let loadEnded = false;
      const losing = (async (): Promise<number> => {
        let lost = 0;
        for (; !loadEnded; lost++) {
          await new Promise((resolve) => setTimeout(resolve, lost % 4));
          const connection = connections.at(-1)!;
          connection.close();
          if (how === "ended by the browser") connection.dispatchEvent(new Event("close"));
        }
        return lost;
      })();
      // All of them are under way at once, and each is acknowledged.
      const receipts = await Promise.all(pushes.map((push) => engine.push(push)));
      loadEnded = true;
      expect(await losing).toBeGreaterThan(5);
      expect(connections.length).toBeGreaterThan(5);
      expect(receipts.map(({ position }) => position)).toEqual(
        pushes.map((_, push) => (push + 1) * 20),
      );
      await engine.close();
      const again = await engineOf(PLAN, [], { store });
      const whole = await engineOf(PLAN, pushes, { store: memory() });
      expect(await again.stateHash()).toBe(await whole.stateHash());
      expect(again.view("q").rows()).toEqual(whole.view("q").rows());
      expect(await Array.fromAsync(again.log())).toEqual(await Array.fromAsync(whole.log()));
      await again.close();
    },
  );
});
