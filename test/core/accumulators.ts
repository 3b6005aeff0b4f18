// Accumulators by themselves, for tests: a small build of the core's sources in which records are
// added to, merged, read and freed without windows, so that a test also sees their bytes.

import * as layout from "../../assembly/layout.ts";
import { compile } from "../../engine/query/compile.ts";
import { checkPlan } from "../../engine/query/plan.ts";
import { HASH_KEY, planOf } from "../builders.ts";
import { builtCore } from "./build.ts";

export type Scalar = null | boolean | number | string;
export type Told = Scalar | readonly Scalar[] | readonly { value: Scalar; count: number }[];

interface Exports {
  open(bytes: number, valuesBytes: number): number;
  program(): number;
  external(): number;
  record(): number;
  body(at: number): number;
  add(
    at: number,
    values: number,
    count: number,
    strings: number,
    time: bigint,
    position: bigint,
  ): void;
  merge(to: number, from: number): void;
  read(at: number, to: number): number;
  discard(at: number): void;
  hash(value: number, strings: number): bigint;
}

const VALUES_BYTES = 1 << 20;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

let compiled: WebAssembly.Module | null = null;

/** Records of one query over `data.x`, with the aggregates given. */
export class Accumulators {
  readonly #exports: Exports;
  readonly #memory: WebAssembly.Memory;
  readonly #values: number;

  constructor(aggregate: { readonly [name: string]: object }, arenaBytes = 4 << 20) {
    compiled ??= new WebAssembly.Module(builtCore("accumulators"));
    this.#memory = new WebAssembly.Memory({ initial: 16, maximum: 32768 });
    const formatNumber = (x: number, to: number): number => {
      return encoder.encodeInto(String(x), this.bytes.subarray(to)).written;
    };
    const parseNumber = (at: number, length: number): number => {
      return Number(decoder.decode(this.bytes.subarray(at, at + length)));
    };
    const remainder = (x: number, y: number): number => x % y;
    const env = { memory: this.#memory, formatNumber, parseNumber, remainder };
    this.#exports = new WebAssembly.Instance(compiled, { env }).exports as unknown as Exports;
    const { plan, faults } = checkPlan(planOf({ aggregate }));
    if (plan === null) throw new TypeError(JSON.stringify(faults));
    this.bytes.set(compile(plan, HASH_KEY).bytes, this.#exports.program());
    this.#values = this.#exports.open(arenaBytes, VALUES_BYTES);
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer as ArrayBuffer);
  }

  /** Bytes that all records together hold outside themselves. */
  get external(): number {
    return this.#exports.external();
  }

  record(): number {
    return this.#exports.record();
  }

  /** A record to which all of `inputs` were added. */
  recordOf(inputs: readonly Scalar[]): number {
    const record = this.record();
    this.addAll(record, inputs);
    return record;
  }

  add(record: number, input: Scalar, time = 0, position = 0): void {
    const strings = this.#write([input]);
    this.#exports.add(record, this.#values, 1, strings, BigInt(time), BigInt(position));
  }

  addAll(record: number, inputs: readonly Scalar[]): void {
    for (let at = 0; at < inputs.length; at += 5000) {
      const part = inputs.slice(at, at + 5000);
      const strings = this.#write(part);
      this.#exports.add(record, this.#values, part.length, strings, 0n, 0n);
    }
  }

  /** ns an input, of `rounds` times these inputs, the writing of the rows left out. */
  timeNs(record: number, inputs: readonly Scalar[], rounds: number): number {
    const strings = this.#write(inputs);
    const start = performance.now();
    for (let round = 0; round < rounds; round++) {
      this.#exports.add(record, this.#values, inputs.length, strings, 0n, 0n);
    }
    return ((performance.now() - start) * 1e6) / (inputs.length * rounds);
  }

  merge(to: number, from: number): void {
    this.#exports.merge(to, from);
  }

  discard(record: number): void {
    this.#exports.discard(record);
  }

  /** The accumulators' bytes in the record, from its first one. */
  body(record: number, length: number): DataView {
    return this.block(this.#exports.body(record), length);
  }

  block(address: number, length: number): DataView {
    return new DataView(this.#memory.buffer, address, length);
  }

  /** The encoded value. */
  encoded(record: number): Uint8Array {
    const length = this.#exports.read(record, this.#values);
    return this.bytes.slice(this.#values, this.#values + length);
  }

  /** The value of the first aggregate, and of those after it. */
  read(record: number): Told[] {
    return new Decoder(this.encoded(record)).all();
  }

  hash(input: Scalar): bigint {
    const strings = this.#write([input]);
    return BigInt.asUintN(64, this.#exports.hash(this.#values, strings));
  }

  /** Writes a row a value, then the strings' bytes; where those begin. */
  #write(inputs: readonly Scalar[]): number {
    const strings = this.#values + inputs.length * layout.VALUE_BYTES;
    const { bytes } = this;
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const [index, input] of inputs.entries()) {
      const value = this.#values + index * layout.VALUE_BYTES;
      view.setBigUint64(value, 0n);
      view.setBigUint64(value + 8, 0n);
      if (typeof input === "number") {
        view.setUint8(value, layout.TAG_NUMBER);
        view.setFloat64(value + layout.VALUE_PAYLOAD, input, true);
      } else if (typeof input === "string") {
        const { written } = encoder.encodeInto(input, bytes.subarray(strings + at));
        view.setUint8(value, layout.TAG_STRING);
        view.setUint32(value + layout.VALUE_LENGTH, written, true);
        view.setUint32(value + layout.VALUE_PAYLOAD, at, true);
        at += written;
      } else if (input !== null) {
        view.setUint8(value, input ? layout.TAG_TRUE : layout.TAG_FALSE);
      }
    }
    if (strings + at - this.#values > VALUES_BYTES) throw new RangeError("Too many at once.");
    return strings;
  }
}

/** Reads encoded values as assembly/encode.ts says them, apart from engine/live/change.ts. */
class Decoder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  all(): Told[] {
    const values: Told[] = [];
    while (this.#at < this.#bytes.length) values.push(this.#told());
    return values;
  }

  #told(): Told {
    const tag = this.#bytes[this.#at]!;
    if (tag !== layout.TAG_LIST && tag !== layout.TAG_TOP) return this.#scalar();
    this.#at++;
    const length = this.#length();
    if (tag === layout.TAG_LIST) return Array.from({ length }, () => this.#scalar());
    return Array.from({ length }, () => ({ value: this.#scalar(), count: Number(this.#scalar()) }));
  }

  #scalar(): Scalar {
    const tag = this.#bytes[this.#at++]!;
    if (tag === layout.TAG_NUMBER) return this.#view.getFloat64((this.#at += 8) - 8, true);
    if (tag === layout.TAG_STRING) {
      const length = this.#length();
      this.#at += length;
      return new TextDecoder().decode(this.#bytes.subarray(this.#at - length, this.#at));
    }
    return tag === layout.TAG_NULL ? null : tag === layout.TAG_TRUE;
  }

  #length(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }
}
