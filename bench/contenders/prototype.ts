// The bare scanner: fields fixed in code, no plan, no log, no clock, nothing checked twice. How
// near an engine can come to it is the question. It is compiled where its source is at hand.

import type { Cell } from "../answer.ts";
import { WINDOW_MS, type Input, type Task, type TaskName } from "../contender.ts";

interface Scanner {
  readonly memory: WebAssembly.Memory;
  reset(): void;
  resetShapes(): void;
  alloc(bytes: number): number;
  ingestShape(pointer: number, bytes: number): void;
  stats(which: number): number;
  rows(): number;
  dictPtr(): number;
}

const BUFFER_BYTES = (1 << 20) + 65_536;
const DICTIONARY_SLOTS = 65_536;
const DICTIONARY_SLOT_BYTES = 16;
const ROW_BYTES = 64;
/** Which number `stats` gives. */
const ROW_COUNT = 1;
const MICRO = 1e6;

let compiled: WebAssembly.Module | undefined;

export async function start(_task: TaskName, { chunks, asset }: Input): Promise<Task> {
  compiled ??= await WebAssembly.compile(await asset("prototype.wasm"));
  const abort = (): never => {
    throw new Error("The prototype aborted.");
  };
  const instance = await WebAssembly.instantiate(compiled, { env: { abort } });
  const scanner = instance.exports as unknown as Scanner;
  scanner.reset();
  scanner.resetShapes();
  const buffer = scanner.alloc(BUFFER_BYTES);
  return {
    run: () => {
      for (const chunk of chunks) {
        new Uint8Array(scanner.memory.buffer).set(chunk, buffer);
        scanner.ingestShape(buffer, chunk.length);
      }
    },
    answer: () => {
      const rows = rowsOf(scanner);
      const events = rows.reduce((sum, row) => sum + (row[2] as number), 0);
      return { events, tables: { four: { keys: 2, rows } } };
    },
  };
}

function rowsOf(scanner: Scanner): Cell[][] {
  const view = new DataView(scanner.memory.buffer);
  const names = namesOf(scanner, view);
  return Array.from({ length: scanner.stats(ROW_COUNT) }, (_, index) => {
    const at = scanner.rows() + (index + 1) * ROW_BYTES;
    const sum = view.getBigUint64(at + 8, true) + (view.getBigInt64(at + 16, true) << 64n);
    return [
      names[view.getUint32(at + 44, true)]!,
      view.getUint32(at + 40, true) * WINDOW_MS,
      Number(view.getBigInt64(at, true)),
      Number(sum) / MICRO,
      Number(view.getBigInt64(at + 24, true)) / MICRO,
      Number(view.getBigInt64(at + 32, true)) / MICRO,
    ];
  });
}

function namesOf(scanner: Scanner, view: DataView): string[] {
  const names: string[] = [];
  for (let slot = 0; slot < DICTIONARY_SLOTS; slot++) {
    const at = scanner.dictPtr() + slot * DICTIONARY_SLOT_BYTES;
    const id = view.getUint32(at + 4, true);
    if (id === 0) continue;
    const bytes = new Uint8Array(
      view.buffer,
      view.getUint32(at + 8, true),
      view.getUint32(at + 12, true),
    );
    names[id] = new TextDecoder().decode(bytes);
  }
  return names;
}
