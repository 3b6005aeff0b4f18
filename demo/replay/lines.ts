// The lines that were not counted, with the words that say why: late ones are entries of the log,
// refused ones are the engine's list since it was opened, held ones its quarantine.

import type { Engine, LateEvent } from "../../engine/index.ts";
import { QUERY, type LateOrder, type LineList, type ListedLine } from "./protocol.ts";

interface Entry {
  readonly line: string;
  readonly receivedAt: number | null;
}

export async function listLines(engine: Engine, list: LineList): Promise<ListedLine[]> {
  if (list === "late") return listLate(engine);
  if (list === "held") {
    return engine.quarantine().map(({ code, receivedAt, line }) => {
      return { code, position: null, receivedAt, note: "held until a person releases it", line };
    });
  }
  const refused = engine
    .refused()
    .filter(({ code }) => (code === "duplicate") === (list === "duplicate"));
  return refused.toReversed().map(({ code, pointer, receivedAt, line, of }) => {
    const place = pointer === "" ? "the whole line" : pointer;
    const note = list === "duplicate" ? "counted once, where it came first" : place;
    return { code, position: of ?? null, receivedAt, note, line };
  });
}

async function listLate(engine: Engine): Promise<ListedLine[]> {
  const listed: ListedLine[] = [];
  for (const late of engine.late(QUERY).toReversed()) {
    const { line, receivedAt } = await entryAt(engine, late.position);
    const minutes = (late.lateMs / 60_000).toFixed(1);
    const note = `the clock stood ${minutes} min beyond it; its window was final`;
    listed.push({ code: "late", position: late.position, receivedAt, note, line });
  }
  return listed;
}

/** Whose window a late order would have been in. */
export async function lateOrder(engine: Engine, late: LateEvent): Promise<LateOrder> {
  const { line } = await entryAt(engine, late.position);
  const { data } = JSON.parse(line) as { data: { restaurantId?: unknown } };
  const { position, lateMs } = late;
  const restaurantId = String(data.restaurantId);
  return { position, restaurantId, windowStart: late.window?.start ?? 0, lateMs };
}

async function entryAt(engine: Engine, position: number): Promise<Entry> {
  for await (const text of engine.log({ from: position, to: position + 1 })) {
    const lines = text.split("\n");
    const { chunk } = JSON.parse(lines[0] ?? "") as {
      chunk: { position: number; receivedAt: null | number | (number | null)[] };
    };
    const index = position - chunk.position;
    const { receivedAt } = chunk;
    const own = Array.isArray(receivedAt) ? (receivedAt[index] ?? null) : receivedAt;
    return { line: lines[index + 1] ?? "", receivedAt: own };
  }
  throw new Error(`Got no entry at position ${position} when the log has it.`);
}
