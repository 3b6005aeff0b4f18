// Replay: a core brought forward by the log alone. None of its entries is judged again, so a fresh
// core that has replayed the log is what the engine's core is: the same state, the same changes.

import { Core } from "./core/core.ts";
import { fillFromLog } from "./ingest/intake.ts";
import { bringYears } from "./ingest/zone-years.ts";
import type { Program } from "./query/compile.ts";
import { readChunks } from "./store/log-reader.ts";
import type { Store } from "./store/store.ts";

export class Replay {
  readonly #program: Program;
  readonly #store: Store;
  readonly #pagesMax: number;

  constructor(program: Program, store: Store, pagesMax: number) {
    this.#program = program;
    this.#store = store;
    this.#pagesMax = pagesMax;
  }

  /** A core with a fresh state. */
  open(): Promise<Core> {
    return Core.open(this.#program.bytes, this.#pagesMax);
  }

  /** Applies the log's entries of [from, to) to `core`; `tell` gets what each chunk told. */
  async run(
    core: Core,
    from: number,
    to: number,
    tell: (records: readonly Uint8Array[]) => void,
  ): Promise<void> {
    for await (const chunk of readChunks(this.#store, from, to)) {
      fillFromLog(core, this.#program, chunk, Math.max(from - chunk.firstPosition, 0));
      bringYears(core, this.#program.zones, chunk.zones ?? []);
      core.reserve();
      const records: Uint8Array[] = [];
      core.apply((bytes) => records.push(bytes));
      tell(records);
    }
  }
}
