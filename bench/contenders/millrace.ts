// Ours, by its public API alone: bytes are pushed as they came, 1 MiB at a time. A schema is given
// from inside, until there are catalogues.

import { memory, open, type Engine } from "../../dist/engine/index.js";
import { openAt } from "../../dist/engine/open.js";
import { Schemas } from "../../dist/engine/query/schema.js";
import { HostPace } from "../../dist/engine/rebuild/host-pace.js";
import type { Answer, Cell, Table } from "../answer.ts";
import type { Input, Task, TaskName } from "../contender.ts";
import { PLANS, TOLERANCES } from "../plans.ts";
import { ORDER_SCHEMA } from "../schema.ts";

/** Held so that the compiled core outlives each round's engine, as it would in an application. */
let keptWarm: Engine | undefined;

export async function start(task: TaskName, input: Input): Promise<Task> {
  if (task === "restore") return startRestore(input);
  if (task !== "cold") keptWarm ??= await open({ plan: PLANS.four });
  const engine = await openFor(task);
  const told = { changes: 0, finals: 0, revenue: 0 };
  if (task === "four-told") {
    // A listener that reads what it is told: each change's kind and a member of its value.
    engine.subscribe("four", (changes) => {
      for (const { kind, value } of changes) {
        told.changes++;
        if (kind === "final") told.finals++;
        told.revenue += value["revenue"] as number;
      }
    });
  }
  return {
    run: async () => {
      await pushAll(engine, input);
      if (task === "cold" && engine.view("four").rows().length === 0) throw new Error("No window.");
    },
    answer: () => {
      if (task === "four-told" && !(told.revenue > 0))
        throw new Error("The listener was told nothing.");
      return answerOf(engine);
    },
    figures: () => ({
      changes: told.changes,
      finals: told.finals,
      stateBytes: engine.stats().stateBytes,
    }),
    stop: () => engine.close(),
  };
}

function openFor(task: TaskName): Promise<Engine> {
  const options = { plan: PLANS[task], store: memory() };
  if (task !== "four-checked") return open(options);
  return openAt(new HostPace(), options, new Schemas([ORDER_SCHEMA]));
}

async function pushAll(engine: Engine, { chunks }: Input): Promise<void> {
  for (const chunk of chunks) await engine.push(chunk);
}

/** Opens what another engine left: a snapshot, and a log that ends with it. */
async function startRestore(input: Input): Promise<Task> {
  const store = memory();
  const before = await open({ plan: PLANS.restore, store });
  await pushAll(before, input);
  await before.snapshot();
  await before.close();
  let engine: Engine;
  return {
    run: async () => {
      engine = await open({ plan: PLANS.restore, store });
    },
    answer: () => answerOf(engine),
    figures: () => ({ windows: engine.stats().queries["four"]!.rows }),
    stop: () => engine.close(),
  };
}

function answerOf(engine: Engine): Answer {
  const tables: Record<string, Table> = {};
  for (const { name, key } of engine.plan.queries) {
    const rows = engine
      .view(name)
      .rows()
      .map((row) => {
        const values = Object.values(row.value).map(cellOf);
        const session = name === "sessions" ? [row.window.end] : [];
        return [...Object.values(row.key), row.window.start, ...session, ...values] as Cell[];
      });
    const keys = key.length + (name === "sessions" ? 2 : 1);
    tables[name] = { keys, rows, tolerances: TOLERANCES[name]! };
  }
  return { events: engine.stats().accepted, tables };
}

/** A list of top entries as pairs. */
function cellOf(value: unknown): Cell {
  if (!Array.isArray(value)) return value as Cell;
  return value.map((entry) => {
    if (typeof entry !== "object" || entry === null) return entry as Cell;
    const { value: of, count } = entry as { value: Cell; count: number };
    return [of, count];
  });
}
