// The two lanes of ingest side by side: the same bytes, read by the scan in the core and line by
// line by the strict lane, and what each makes of a line.

import { expect } from "vitest";
import * as layout from "../../assembly/layout.ts";
import type { Core } from "../../engine/core/core.ts";
import { Batch } from "../../engine/ingest/batch.ts";
import { decodeEvent, isFault } from "../../engine/ingest/decode.ts";
import { splitLines } from "../../engine/ingest/input.ts";
import { compile, type Program } from "../../engine/query/compile.ts";
import { checkPlan } from "../../engine/query/plan.ts";
import type { Schemas } from "../../engine/query/schema.ts";
import { HASH_KEY, openCore } from "../builders.ts";

export const RECEIVED_AT = 1_710_527_400_123;

/** What a lane made of a line: its slot, and the values of its row. */
export interface Line {
  readonly start: number;
  readonly end: number;
  /** Hexadecimal; null where the lane left the line. */
  readonly slot: string | null;
  readonly values: readonly string[];
  /** Of the strict lane: the fault's code, a pointer behind that of a schema, or `cloud` for a CloudEvent. */
  readonly odd: string | null;
}

export class Lanes {
  readonly #program: Program;
  readonly #fast: Core;
  readonly #strict: Core;

  private constructor(program: Program, fast: Core, strict: Core) {
    this.#program = program;
    this.#fast = fast;
    this.#strict = strict;
  }

  static async open(plan: unknown, schemas: Schemas | null = null): Promise<Lanes> {
    const checked = checkPlan(plan);
    if (checked.plan === null) throw new TypeError(JSON.stringify(checked.faults));
    const program = compile(checked.plan, HASH_KEY, schemas);
    return new Lanes(program, await openCore(program), await openCore(program));
  }

  fast(bytes: Uint8Array, receivedAt: number | null): Line[] {
    const batch = new Batch(this.#fast, this.#program, bytes, receivedAt);
    const odd = new Set(batch.odd());
    return Array.from({ length: batch.lines }, (_, line) => {
      return this.#line(this.#fast, batch, line, odd.has(line) ? "odd" : null);
    });
  }

  strict(bytes: Uint8Array, receivedAt: number | null): Line[] {
    const lines = splitLines(bytes);
    const batch = new Batch(this.#strict, this.#program, bytes, receivedAt);
    expect(batch.lines).toBe(lines.length);
    this.#clear(batch);
    const odd = lines.map(({ start, end }, line) => {
      const decoded = decodeEvent(bytes, start, end);
      if (isFault(decoded)) return decoded.code;
      const fault = this.#program.schemas?.fault(decoded.event, decoded.eventType);
      if (fault) return `${fault.code} ${fault.pointer}`;
      batch.event(line, decoded, receivedAt);
      return decoded.isCloudEvent ? "cloud" : null;
    });
    return odd.map((each, line) => {
      return { ...this.#line(this.#strict, batch, line, each), ...lines[line]! };
    });
  }

  /** Takes from slots and rows what the scan has found; where the lines stand is left. */
  #clear(batch: Batch): void {
    const { view, bytes, batch: scratch } = this.#strict;
    const slots = scratch + view.getUint32(scratch + layout.SCRATCH_SLOTS, true);
    for (let line = 0; line < batch.lines; line++) {
      const slot = slots + line * layout.SLOT_BYTES;
      bytes.fill(0, slot, slot + layout.SLOT_LINE);
      bytes.fill(0, slot + layout.SLOT_LINE_BYTES + 4, slot + layout.SLOT_BYTES);
    }
    const rows = scratch + view.getUint32(scratch + layout.SCRATCH_VALUES, true);
    const rowBytes = this.#program.fields.length * layout.VALUE_BYTES;
    bytes.fill(0, rows, rows + batch.lines * rowBytes);
  }

  #line(core: Core, batch: Batch, line: number, odd: string | null): Line {
    const span = batch.span(line);
    if (odd === "odd") return { ...span, slot: null, values: [], odd };
    const { view, bytes, batch: scratch } = core;
    const at = (header: number): number => scratch + view.getUint32(scratch + header, true);
    const slot = at(layout.SCRATCH_SLOTS) + line * layout.SLOT_BYTES;
    const text = at(layout.SCRATCH_BYTES);
    const { fields } = this.#program;
    const row = at(layout.SCRATCH_VALUES) + line * fields.length * layout.VALUE_BYTES;
    const values = fields.map((path, field) => {
      const cell = row + field * layout.VALUE_BYTES;
      const tag = view.getUint8(cell);
      const flags = view.getUint8(cell + layout.VALUE_FLAGS);
      const length = view.getUint32(cell + layout.VALUE_LENGTH, true);
      const from = text + view.getUint32(cell + layout.VALUE_PAYLOAD, true);
      const payload =
        tag === layout.TAG_STRING
          ? Buffer.from(bytes.subarray(from, from + length)).toString("latin1")
          : view.getBigUint64(cell + layout.VALUE_PAYLOAD, true);
      return `${path.join(".")} ${tag} ${flags} ${length} ${payload}`;
    });
    const hex = Buffer.from(bytes.subarray(slot, slot + layout.SLOT_BYTES)).toString("hex");
    return { ...span, slot: hex, values, odd };
  }
}

/** What the scan may leave although it is a valid event; of 2^53 it cannot tell what was written. */
const UNSURE = /[eE]\+?\d{3}|\d{300}|9\.?00719925474099[123]/;

/** Of all lines compared: what the scan took, and what it left. */
export const counts = { taken: 0, left: 0 };

/** Compares the lanes on `bytes`. */
export function compare(
  lanes: Lanes,
  bytes: Uint8Array,
  receivedAt: number | null = RECEIVED_AT,
): void {
  const strict = lanes.strict(bytes, receivedAt);
  const fast = lanes.fast(bytes, receivedAt);
  const textOf = (line: number): string =>
    JSON.stringify(
      Buffer.from(bytes.subarray(strict[line]!.start, strict[line]!.end)).toString("latin1"),
    );
  expect(fast.map(({ start, end }) => [start, end])).toEqual(
    strict.map(({ start, end }) => [start, end]),
  );
  fast.forEach((line, index) => {
    const { odd, slot, values } = strict[index]!;
    if (line.odd !== null) {
      counts.left++;
      if (odd === null && !UNSURE.test(textOf(index))) expect.fail(`left: ${textOf(index)}`);
      return;
    }
    counts.taken++;
    if (odd !== null) expect.fail(`taken, when it is ${odd}: ${textOf(index)}`);
    // Strings are compared as such: they lie elsewhere.
    if (line.slot !== slot || line.values.join("\n") !== values.join("\n")) {
      expect([line.slot, line.values, textOf(index)]).toEqual([slot, values, textOf(index)]);
    }
  });
}
