// A core whose memory is lost between the append and the apply: it traps on what is in the log, and
// the engine makes another.

import type { Store } from "../../engine/index.ts";
import { Core } from "../../engine/core/core.ts";

/** The core that took room for a push last: behind the append the engine's. */
let last: Core | null = null;
const note = (core: Core | null): void => void (last = core);
const reserve = Reflect.get(Core.prototype, "reserve") as () => void;
const hold = Reflect.get(Core.prototype, "holdCorrections") as (records: Uint8Array) => void;

Core.prototype.reserve = function (this: Core): void {
  reserve.call(this);
  note(this);
};

/** What a reprocess finds may be nothing, on which no core traps. */
Core.prototype.holdCorrections = function (this: Core, records: Uint8Array): void {
  hold.call(this, records);
  note(null);
};

/** Makes the core whose push is appended next to `store` break behind that; how many did. */
export class Breaking {
  count = 0;
  #isNext = false;

  constructor(store: Store) {
    const append = store.append.bind(store);
    store.append = (write) => {
      const appended = append(write);
      if (last !== null && this.#isNext && write.endPosition > write.firstPosition) {
        last.image().state.fill(0xff);
        this.#isNext = false;
        this.count++;
      }
      return appended;
    };
  }

  next(): void {
    this.#isNext = true;
  }
}
