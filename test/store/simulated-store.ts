// A simulated store: what the memory store keeps is the disk, and each `open` of it a process, whose
// writes go wrong where the test says. Writes are numbered over the disk's whole life: `create`,
// `append` and `saveSnapshot` are one each. A process that has died hears nothing more and does
// nothing more; what it wrote is what the next one finds.

import { HostFault } from "../../engine/store/host-fault.ts";
import { memory } from "../../engine/store/memory.ts";
import type {
  Append,
  LogHeader,
  MaybePromise,
  Recovered,
  StorageMode,
  Store,
  StoredSnapshot,
} from "../../engine/store/store.ts";

/** What goes wrong at a write. */
export type Mishap =
  /** Nothing is written, and that is told. */
  | "fails"
  /** It is written, and a failure is told. */
  | "lies"
  /** It is written, and told only some turns of the event loop later. */
  | "delays"
  /** The process ends before anything is written. */
  | "dies before"
  /** The process ends after it was written, before it could tell. */
  | "dies after"
  /** The process ends in the midst: an append, being atomic, is undone; a snapshot is cut short. */
  | "tears";

export const MISHAPS: readonly Mishap[] = [
  "fails",
  "lies",
  "delays",
  "dies before",
  "dies after",
  "tears",
];

/** A disk on which one process after another opens its store. */
export interface Disk {
  /** How many writes were asked for, over all its processes. */
  readonly writes: number;
  /** As after a restart: the process before it does nothing more. */
  open(): Process;
}

export interface Process {
  readonly store: Store;
  readonly isDead: boolean;
  /** Whether it told of an append that it wrote as failed, and was not asked since. */
  readonly isLying: boolean;
  /** Called when an append has got to the disk, told or not. */
  onAppended: () => void;
}

/** Chance of [0, 1). */
export type Chance = () => number;

export interface SimulatedDiskOptions {
  /** By the number of the write. */
  readonly mishaps: ReadonlyMap<number, Mishap>;
  readonly chance: Chance;
  /** Whether every write and every read takes some turns of the event loop. */
  readonly isSlow: boolean;
}

const TURNS_MAX = 4;
/** How often nobody says whether a write that was told as failed is there. */
const UNANSWERED = 0.3;

async function someTurns(chance: Chance): Promise<void> {
  for (let left = 1 + Math.floor(chance() * TURNS_MAX); left > 0; left--) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export class SimulatedDisk implements Disk {
  readonly kept = memory();
  readonly options: SimulatedDiskOptions;
  #writes = 0;
  #process: SimulatedProcess | null = null;

  constructor(options: SimulatedDiskOptions) {
    this.options = options;
  }

  get writes(): number {
    return this.#writes;
  }

  open(): SimulatedProcess {
    this.#process?.end();
    return (this.#process = new SimulatedProcess(this));
  }

  nextMishap(): Mishap | null {
    return this.options.mishaps.get(this.#writes++) ?? null;
  }
}

class SimulatedProcess implements Process, Store {
  readonly storage: StorageMode = "durable";
  readonly store = this;
  readonly #disk: SimulatedDisk;
  #isDead = false;
  isLying = false;
  onAppended = (): void => {};

  constructor(disk: SimulatedDisk) {
    this.#disk = disk;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  end(): void {
    this.#isDead = true;
  }

  recover(): MaybePromise<Recovered | null> {
    return this.#later(() => this.#disk.kept.recover());
  }

  create(header: LogHeader): MaybePromise<void> {
    return this.#write(() => void this.#disk.kept.create(header));
  }

  append(write: Append): MaybePromise<void> {
    return this.#write(() => {
      // As bytes, like a durable store: what is read back is what was encoded.
      const { chunk } = write;
      void this.#disk.kept.append({ ...write, chunk, entries: null });
      this.onAppended();
    });
  }

  /** A disk that goes wrong may also not answer. */
  hasLanded(write: Append): MaybePromise<boolean> {
    const { kept, options } = this.#disk;
    return this.#later(() => {
      if (options.chance() < UNANSWERED) throw refused();
      this.isLying = false;
      return kept.hasLanded(write);
    });
  }

  read(from: number, limitBytes: number): MaybePromise<readonly Uint8Array[]> {
    return this.#later(() => this.#disk.kept.read(from, limitBytes));
  }

  saveSnapshot({ position, bytes }: StoredSnapshot): MaybePromise<void> {
    const save = (length: number): void => {
      void this.#disk.kept.saveSnapshot({ position, bytes: bytes.slice(0, length) });
    };
    return this.#write(
      () => save(bytes.length),
      () => save(Math.floor(this.#disk.options.chance() * bytes.length)),
    );
  }

  trim(to: number): MaybePromise<void> {
    return this.#later(() => this.#disk.kept.trim(to));
  }

  close(): void {}

  #write(land: () => void, tear: () => void = () => {}): MaybePromise<void> {
    const mishap = this.#isDead ? null : this.#disk.nextMishap();
    const meet = (): void => {
      if (mishap === "fails") throw refused();
      if (mishap === "dies before") this.end();
      this.#assertAlive();
      if (mishap === "tears") tear();
      else land();
      if (mishap === "lies") {
        this.isLying = true;
        throw refused();
      }
      if (mishap === "tears" || mishap === "dies after") this.end();
      this.#assertAlive();
    };
    return this.#later(meet, mishap === "delays");
  }

  #later<T>(work: () => MaybePromise<T>, isDelayed = false): MaybePromise<T> {
    this.#assertAlive();
    const { isSlow, chance } = this.#disk.options;
    if (!isSlow && !isDelayed) return work();
    return someTurns(chance).then(() => {
      this.#assertAlive();
      return work();
    });
  }

  #assertAlive(): void {
    if (this.#isDead) throw new Error("This process has ended.");
  }
}

function refused(): HostFault {
  return new HostFault("storage_unavailable", "The disk refused this write.");
}
