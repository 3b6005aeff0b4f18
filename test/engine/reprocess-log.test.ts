// A reprocess as an entry of the log: replayed, exported, told, and what refuses it.

import { describe, expect, test } from "vitest";
import { memory, type Change, type Engine, type Store } from "../../engine/index.ts";
import type { StoredSnapshot } from "../../engine/store/store.ts";
import { engineOf, event, planOf, queryOf } from "../builders.ts";
import { ALL, LATE, rowsOf, seenOf, short, storeWith } from "./reprocess-case.ts";

describe("an entry of the log", () => {
  const plan = {
    version: 1,
    queries: [
      queryOf({ key: { k: "data.k" } }),
      queryOf({ name: "s", window: { kind: "session", gap: 10, grace: 0 }, key: { k: "data.k" } }),
    ],
  };
  const at = (id: string, timeMs: number, k = "a"): object => event(id, timeMs, { k });

  async function feed(engine: Engine): Promise<void> {
    await engine.push([at("a", 1), at("b", 22), at("c", 60, "z")]);
    await engine.push([at("d", 12), at("e", 5, "b")]);
    await engine.reprocess("q", { from: 0, to: 20 });
    await engine.reprocess("s", { from: 0, to: 20 });
    await engine.push([at("f", 3), at("g", 70)]);
    await engine.reprocess("s", ALL);
    await engine.reprocess("q", ALL);
    await engine.tick(90);
  }

  test("replayed from the log alone, from a snapshot and its tail, from each snapshot: the same", async () => {
    const kept: StoredSnapshot[] = [];
    const store = storeWith((inner) => ({
      saveSnapshot: (snapshot) => {
        kept.push({ ...snapshot, bytes: snapshot.bytes.slice() });
        return inner.saveSnapshot(snapshot);
      },
    }));
    const engine = await engineOf(plan, [], { store });
    await feed(engine);
    const seen = await seenOf(engine);
    // Replaying one is replaying the whole log, so each leaves a snapshot; the first says the plan.
    expect(kept.map(({ position }) => position)).toEqual([0, 6, 7, 10, 11]);
    for (const snapshots of [[], ...kept.map((each) => [each])]) {
      const copy: Store = {
        ...store,
        recover: async () => ({ ...(await store.recover())!, snapshots }),
      };
      expect(await seenOf(await engineOf(plan, [], { store: copy }))).toEqual(seen);
    }
  });

  test("whoever subscribes from a position hears what was told", async () => {
    const engine = await engineOf(plan);
    const told: Change[] = [];
    engine.subscribe("s", (changes) => told.push(...changes));
    await feed(engine);
    expect(told.some(({ kind }) => kind === "correction")).toBe(true);
    const { promise, resolve } = Promise.withResolvers<void>();
    const heard: Change[] = [];
    engine.subscribe(
      "s",
      (changes) => {
        heard.push(...changes);
        if (heard.length === told.length) resolve();
      },
      { from: 0 },
    );
    await promise;
    expect(heard).toEqual(told);
  });

  test("whoever subscribes beside it hears a correction once, as a row or as a change", async () => {
    const store = storeWith((inner) => ({
      append: (write) => {
        void inner.append(write);
        if (engine.late("q").length > 0) void watch();
      },
    }));
    const heard: Change[] = [];
    const engine: Engine = await engineOf(planOf(), [], { store });
    /** Looks at the view whenever anybody may. */
    async function watch(): Promise<void> {
      for (let turn = 0; turn < 100 && heard.length === 0; turn++) {
        await Promise.resolve();
        if (!rowsOf(engine).some((row) => row.startsWith("0/10 3 "))) continue;
        engine.subscribe("q", (changes) => heard.push(...changes), { from: "snapshot" });
      }
    }
    for (const events of LATE) await engine.push(events);
    await engine.reprocess("q", ALL);
    expect(heard.filter(({ window }) => window.start === 0)).toHaveLength(1);
  });

  test("is exported as a fact, behind its control line", async () => {
    const engine = await engineOf(planOf(), LATE);
    await engine.reprocess("q", { from: -1, to: 10 });
    const chunks = await Array.fromAsync(engine.log({ from: 4 }));
    expect(chunks).toEqual([
      '{"chunk":{"position":4,"receivedAt":null}}\n{"fact":{"reprocess":{"query":"q","from":-1,"to":10}}}\n',
    ]);
  });

  test("under a plan without its query it is a position and nothing else", async () => {
    const store = memory();
    const engine = await engineOf(planOf(), LATE, { store });
    await engine.reprocess("q", ALL);
    const other = await engineOf(planOf({ name: "other" }), [], { store });
    await other.rebuilt();
    expect(other.stats().position).toBe(5);
    expect(other.view("other").rows()[0]).toMatchObject({ value: { n: 2 } });
  });

  test("is among what explains a number", async () => {
    const engine = await engineOf(planOf(), LATE);
    await engine.reprocess("q", ALL);
    const { emissions, row, late } = await engine.explain("q", {}, { start: 0, end: 10 });
    expect(emissions.map(({ kind, revision }) => [kind, revision])).toEqual([
      ["final", 3],
      ["correction", 5],
    ]);
    expect(row).toMatchObject({ final: true, revision: 5 });
    expect(late.map(({ events }) => events[0]!.eventId)).toEqual(["late"]);
  });

  test("pushes wait for it, in call order", async () => {
    const engine = await engineOf(planOf(), LATE);
    const found = engine.reprocess("q", ALL);
    const pushed = engine.push([event("more", 6)]);
    expect(await found).toHaveLength(1);
    expect(await pushed).toMatchObject({ position: 6 });
    expect(await engine.reprocess("q", ALL)).toHaveLength(1);
  });
});

describe("refused", () => {
  test.each([
    ["nope", { from: 0, to: 1 }, "No query of this plan has the name given"],
    ["q", { from: 1, to: 1 }, "A range is whole ms"],
    ["q", { from: 2, to: 1 }, "A range is whole ms"],
    ["q", { from: 0.5, to: 1 }, "A range is whole ms"],
    ["q", { from: 0, to: Infinity }, "A range is whole ms"],
    ["q", { from: NaN, to: 1 }, "A range is whole ms"],
    ["q", { from: "0", to: 1 } as never, "A range is whole ms"],
  ])("%s %j", async (query, range, message) => {
    const engine = await engineOf(planOf(), LATE);
    const refused = engine.reprocess(query, range);
    const code = query === "q" ? "bad_range" : "unknown_query";
    await expect(refused).rejects.toMatchObject({ name: "HostFault", code });
    await expect(refused).rejects.toThrow(message);
    expect(engine.stats().position).toBe(4);
  });

  test.each(["throws", "rejects"])(
    "where the append %s: no trace, and it can be asked again",
    async (way) => {
      let fails = false;
      const heard: Change[] = [];
      const store = storeWith((inner) => ({
        append: (write) => {
          if (!fails) return inner.append(write);
          if (way === "throws") throw new Error("no disk");
          return Promise.reject(new Error("no disk"));
        },
      }));
      const engine = await engineOf(planOf(), LATE, { store });
      engine.listen((changes) => heard.push(...changes));
      const before = await seenOf(engine);
      fails = true;
      await expect(engine.reprocess("q", ALL)).rejects.toThrow("no disk");
      // What another entry at this position finds is another matter.
      await expect(engine.reprocess("q", { from: 500, to: 501 })).rejects.toThrow("no disk");
      fails = false;
      expect(await seenOf(engine)).toEqual(before);
      expect(heard).toEqual([]);
      expect(short(await engine.reprocess("q", ALL))).toEqual(["correction 0/10 3 r5 @4"]);
    },
  );

  test("where the log cannot be read: the store's fault, and no trace", async () => {
    let fails = false;
    const store = storeWith((inner) => ({
      read: (from, limitBytes) => {
        if (fails) throw Object.assign(new Error("gone"), { code: "log_trimmed" });
        return inner.read(from, limitBytes);
      },
    }));
    const engine = await engineOf(planOf(), LATE, { store });
    const before = await seenOf(engine);
    fails = true;
    await expect(engine.reprocess("q", ALL)).rejects.toMatchObject({ code: "log_trimmed" });
    fails = false;
    expect(await seenOf(engine)).toEqual(before);
    expect(await engine.reprocess("q", ALL)).toHaveLength(1);
  });

  test("a snapshot that fails afterwards is no fault of it", async () => {
    const store = storeWith(() => ({
      saveSnapshot: () => {
        throw new Error("no disk");
      },
    }));
    const engine = await engineOf(planOf(), LATE, { store });
    expect(await engine.reprocess("q", ALL)).toHaveLength(1);
    const again = await engineOf(planOf(), [], { store });
    expect(await again.stateHash()).toBe(await engine.stateHash());
  });

  test("where the memory cannot hold the corrections: before the append", async () => {
    const long = (id: string): string => id.padEnd(3000, "x");
    const plan = {
      version: 1,
      queries: [
        queryOf({ from: ["in"], key: { k: "data.k" } }),
        queryOf({ name: "full", from: ["fill"], key: { k: "data.k" }, window: { kind: "global" } }),
      ],
    };
    let appends = 0;
    const store = storeWith((inner) => ({
      append: (write) => {
        appends++;
        return inner.append(write);
      },
    }));
    const engine = await engineOf(plan, [], { store, memoryPagesMax: 60 });
    const late = Array.from({ length: 150 }, (_, index) => {
      return event(`l${index}`, 1, { k: long(`${index}`) }, { eventType: "in" });
    });
    await engine.push([event("z", 30, { k: "z" }, { eventType: "in" })]);
    for (let at = 0; at < late.length; at += 10) await engine.push(late.slice(at, at + 10));
    for (let fill = 0, size = 100; size > 0; size = Math.floor(size / 2)) {
      const more = (): object[] =>
        Array.from({ length: size }, () =>
          event(`f${fill}`, 30, { k: long(`${fill++}`) }, { eventType: "fill" }),
        );
      while (
        await engine.push(more()).then(
          () => true,
          () => false,
        )
      );
    }
    const before = await seenOf(engine);
    const appended = appends;
    const refused = engine.reprocess("q", ALL);
    await expect(refused).rejects.toMatchObject({ code: "state_full" });
    await expect(refused).rejects.toThrow(/corrections/);
    expect(appends).toBe(appended);
    expect(await seenOf(engine)).toEqual(before);
    // With more memory the same log takes it.
    const wide = await engineOf(plan, [], { store });
    expect(await wide.reprocess("q", ALL)).toHaveLength(150);
  });
});
