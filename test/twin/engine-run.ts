// The engine on a case's pushes: by text, bytes or `tick`, and opened again from its store midway.

import { LogCutter, receivedAtOf, type LogPush } from "../../engine/cli/exported-log.ts";
import { memory, open } from "../../engine/index.ts";
import type { Change, Engine, OpenOptions, Receipt } from "../../engine/index.ts";
import type { PlanJson } from "../model/plan.ts";
import type { Line } from "../model.ts";
import { placesOf, type Pushes } from "./case.ts";
import type { Random } from "./random.ts";
import { isReprocess, reprocessIn } from "./reprocess-line.ts";

export interface EngineRunOptions {
  readonly random: Random;
  /** Before this push the engine is opened again; -1: never. */
  readonly reopenAt: number;
  /** Looks at the engine before everything is flushed. */
  readonly look?: (engine: Engine) => Promise<void>;
  readonly open?: Partial<OpenOptions>;
}

export const HASH_KEY = Uint8Array.from({ length: 16 }, (_, index) => index * 11);

export async function runEngine(plan: PlanJson, pushes: Pushes, options: EngineRunOptions) {
  const store = memory();
  let told: Change[] = [];
  const openIt = async (): Promise<Engine> => {
    const engine = await open({ plan, store, hashKey: HASH_KEY, ...options.open });
    engine.listen((changes) => told.push(...changes));
    return engine;
  };
  let engine = await openIt();
  const pushed: { receipt: Receipt | null; changes: Change[]; position: number }[] = [];
  for (const [index, push] of pushes.entries()) {
    if (index === options.reopenAt) {
      // Closed, with a snapshot, or just gone: then the log is replayed.
      const closes = options.random.chance(0.5);
      const saves = options.random.chance(0.5);
      if (closes) await engine.close();
      else if (saves) await engine.snapshot();
      engine = await openIt();
    }
    told = [];
    const receipt = await pushTo(engine, push, options.random);
    pushed.push({ receipt, changes: told, position: engine.stats().position });
  }
  const stats = engine.stats();
  const refused = engine.refused();
  const held = engine.quarantine();
  const read = () => {
    return plan.queries.map(({ name }) => {
      return { rows: engine.view(name).rows(), late: engine.late(name) };
    });
  };
  const before = read();
  const stateHash = await engine.stateHash();
  let log = "";
  for await (const chunk of engine.log()) log += chunk;
  await options.look?.(engine);
  told = [];
  const flushed = await engine.flush();
  return { engine, pushed, stats, refused, held, before, stateHash, log, flushed, after: read() };
}

export type EngineRun = Awaited<ReturnType<typeof runEngine>>;

/** The state hash after an exported log. */
export async function runLog(plan: PlanJson, log: string): Promise<string> {
  const engine = await open({ plan, hashKey: HASH_KEY });
  const cutter = new LogCutter();
  const push = async (each: LogPush | null): Promise<void> => {
    if (each === null) return;
    const receivedAt = receivedAtOf(each, engine.stats().position);
    const known = receivedAt === null ? {} : { receivedAt };
    const { reprocess } = each;
    if (reprocess !== null) return void (await engine.reprocess(reprocess.query, reprocess));
    const { zones = [], released = false } = each.control ?? {};
    await engine.push(each.bytes, { format: "ndjson", ticks: true, zones, released, ...known });
  };
  for (const [index, line] of log.split("\n").slice(0, -1).entries()) {
    const place = { source: "log", number: index + 1, isElement: false };
    await push(cutter.add({ bytes: new TextEncoder().encode(line), place }));
  }
  await push(cutter.end());
  return engine.stateHash();
}

/** One push of a case, or its release; null where a tick went in by `tick`. */
export function pushTo(
  engine: Engine,
  push: Pushes[number],
  random: Random,
): Promise<Receipt | null> {
  const { release, receivedAt } = push[0]!;
  if (release !== undefined) return releaseHeld(engine, release, receivedAt!);
  return pushLines(engine, push, random);
}

function releaseHeld(engine: Engine, release: readonly number[], receivedAt: number) {
  const held = engine.quarantine();
  const ids = placesOf(release, held.length).map((place) => held[place]!.id);
  return engine.release(ids, { receivedAt });
}

async function pushLines(
  engine: Engine,
  push: readonly Line[],
  random: Random,
): Promise<Receipt | null> {
  const asked = push.length === 1 && isReprocess(push[0]!) ? reprocessIn(push[0]!) : null;
  if (asked !== null) {
    await engine.reprocess(asked.query, asked);
    return null;
  }
  const tick = /^\{"tick":(-?\d+)\}$/.exec(push.length === 1 ? push[0]!.text : "");
  if (tick !== null && random.chance(0.5)) {
    await engine.tick(Number(tick[1]));
    return null;
  }
  const ends = ["\n", "\n", "\n", "\r\n", "\n \t\n"];
  const text = push.map((line) => `${line.text}${random.pick(ends)}`).join("");
  const times = push.map(({ receivedAt }) => receivedAt);
  const isOne = times.every((time) => time === times[0]);
  const receivedAt = isOne && random.chance(0.5) ? times[0] : times;
  const input = random.chance(0.5) ? text : new TextEncoder().encode(text);
  const isKnown = receivedAt !== null && receivedAt !== undefined;
  return engine.push(input, {
    format: "ndjson",
    ticks: true,
    ...(isKnown && { receivedAt }),
  });
}
