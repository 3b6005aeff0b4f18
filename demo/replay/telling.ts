// What the page is told: gathers the rows that changed and posts a frame when there is something
// new, or a second has passed. A row that changed twice between two frames is told once.

import { HostFault, type Change, type Engine, type Row } from "../../engine/index.ts";
import { lateOrder } from "./lines.ts";
import type { Player } from "./player.ts";
import {
  QUERY,
  type Counts,
  type Fault,
  type Frame,
  type LateOrder,
  type PlayState,
  type Speed,
  type Storage,
} from "./protocol.ts";
import type { Recording } from "./recording.ts";

const HEARTBEAT_MS = 1_000;
const NO_COUNTS: Counts = {
  accepted: 0,
  received: 0,
  duplicate: 0,
  invalid: 0,
  held: 0,
  late: 0,
  refusedBefore: 0,
};

interface Source {
  readonly engine: Engine;
  /** The line behind the log's end when it was opened. */
  readonly line: number;
}

interface Situation {
  readonly state: PlayState;
  readonly speed: Speed;
  readonly player: Player | null;
}

export class Telling {
  readonly #recording: Recording;
  readonly #port: MessagePort;
  #source: Source | null = null;
  #storage: Storage = { mode: "memory", reason: null };
  #fault: Fault | null = null;
  #isFirst = true;
  #rows = new Map<string, Row>();
  /** Lines whose restaurants were told. */
  #toldLine = 0;
  #late: LateOrder[] = [];
  #latePosition = -1;
  #lateCount = 0;
  #refusedBefore = 0;
  #told = "";
  #toldAt = 0;

  constructor(recording: Recording, port: MessagePort) {
    this.#recording = recording;
    this.#port = port;
  }

  /** From now on it is told of this log: first its rows as they are. */
  begin(storage: Storage, source: Source | null): void {
    this.#source = source;
    this.#storage = storage;
    this.#fault = null;
    this.#isFirst = true;
    this.#rows = new Map();
    this.#toldLine = 0;
    this.#late = [];
    this.#latePosition = -1;
    this.#lateCount = 0;
    this.#refusedBefore = source === null ? 0 : source.line - source.engine.stats().position;
    source?.engine.subscribe(QUERY, (changes) => this.#gather(changes), { from: "snapshot" });
  }

  setFault(fault: Fault | null): void {
    this.#fault = fault;
    this.#told = "";
  }

  #gather(changes: readonly Change[]): void {
    for (const { kind, position: _, ...row } of changes) {
      const name = `${String(row.key["restaurantId"])} ${row.window.start}`;
      this.#rows.set(name, { ...row, final: kind === "final" });
    }
  }

  /** Looks up whose the late orders are that came since the last time. */
  async readLate(): Promise<void> {
    const engine = this.#source?.engine;
    if (engine === undefined) return;
    const count = engine.stats().queries[QUERY]?.late ?? 0;
    if (count === this.#lateCount) return;
    for (const late of engine.late(QUERY)) {
      if (late.position <= this.#latePosition) continue;
      this.#late.push(await lateOrder(engine, late));
      this.#latePosition = late.position;
    }
    this.#lateCount = count;
  }

  /** Posts a frame, if there is anything to say. */
  tell(situation: Situation, wall: number): void {
    const { state, speed, player } = situation;
    const line = player?.line ?? 0;
    const backlog = player?.backlog ?? 0;
    const skipped = player?.takeSkipped() ?? null;
    const told = [state, speed, line, backlog].join();
    const isNew = this.#isFirst || skipped !== null || told !== this.#told;
    if (!isNew && wall - this.#toldAt < HEARTBEAT_MS) return;
    const frame: Frame = {
      isFirst: this.#isFirst,
      state,
      speed,
      clock: this.#source?.engine.stats().clock ?? null,
      progress: player?.progress(wall) ?? 0,
      line,
      backlog,
      behindMs: player?.behindMs ?? 0,
      storage: this.#storage,
      fault: this.#fault,
      counts: this.#counts(),
      rows: [...this.#rows.values()],
      restaurants: this.#recording.restaurants(this.#toldLine, line),
      late: this.#late,
      skipped,
    };
    this.#port.postMessage(frame);
    this.#isFirst = false;
    this.#rows = new Map();
    this.#toldLine = line;
    this.#late = [];
    this.#told = told;
    this.#toldAt = wall;
  }

  #counts(): Counts {
    if (this.#source === null) return NO_COUNTS;
    const { engine } = this.#source;
    const { position, received, duplicate, invalid, queries } = engine.stats();
    const late = queries[QUERY]?.late ?? 0;
    const held = engine.quarantine().length;
    const refusedBefore = this.#refusedBefore;
    return { accepted: position, received, duplicate, invalid, held, late, refusedBefore };
  }
}

/** An error as the page shows it. */
export function faultOf(error: unknown): Fault {
  if (error instanceof HostFault) return { code: error.code, message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  return { code: "failed", message };
}
