// A changed plan in a Durable Object, where the clock stands still while code runs: a slice is a
// number of entries there, and what the object is asked meanwhile comes between.

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { open } from "../../engine/index.ts";
import { sqlite } from "../../engine/store/sqlite.ts";
import { event, planOf, tumbling } from "../builders.ts";
import type { StoreEnv } from "../workerd/worker.ts";

const EVENTS = 60_000;
const PUSH_EVENTS = 4_000;

test("is rebuilt in slices, between which the object answers and takes events", async () => {
  const object = (env as unknown as StoreEnv).STORES.getByName("rebuilt");
  await runInDurableObject(object, async (_, { storage }) => {
    const store = sqlite(storage);
    const former = await open({ plan: planOf(), store });
    for (let from = 0; from < EVENTS; from += PUSH_EVENTS) {
      const events = Array.from({ length: PUSH_EVENTS }, (_, index) => {
        return event(`e${from + index}`, from + index);
      });
      await former.push(events);
    }
    const engine = await open({ plan: planOf({ window: tumbling(20, 0) }), store });
    const shares: number[] = [];
    for (let turn = 0; engine.stats().rebuild! < 1; turn++) {
      shares.push(engine.stats().rebuild!);
      expect(engine.view("q").rows()[0]!.window.end).toBe(10);
      if (turn === 0) await engine.push(event("more", EVENTS));
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    expect(shares.length).toBeGreaterThan(1);
    expect(engine.stats().position).toBe(EVENTS + 1);
    expect(engine.view("q").rows()).toHaveLength(EVENTS / 20 + 1);
    expect(engine.view("q").rows()[0]).toMatchObject({ window: { end: 20 }, value: { n: 20 } });
    await engine.close();
  });
});
