// The bytes of a program: numbers at offsets, and the code of expressions. The core's stack
// machine is assembly/expression.ts; `all`, `any` and `coalesce` of many become a chain of two,
// `case` becomes jumps, so the stack stays as shallow as the expression is nested.

import { encoder } from "../event/utf8.ts";
import * as layout from "../../assembly/layout.ts";
import type { Expression, Literal, Operator } from "./plan.ts";
import { BINARY, CHAINS } from "./vocabulary.ts";

type FieldOf = (path: readonly string[]) => number;

export class Code {
  #buffer = new Uint8Array(4096);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;
  /** Offsets of the code of expressions, by its bytes. */
  readonly #expressions = new Map<string, number>();
  /** The longest literal string so far, in bytes. */
  literalBytesMax = 0;

  constructor(headerBytes: number) {
    this.reserve(headerBytes);
  }

  get length(): number {
    return this.#length;
  }

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  /** The offset of `bytes` zeros, a multiple of 8. */
  reserve(bytes: number): number {
    const offset = (this.#length + 7) & ~7;
    this.#extend(offset + bytes);
    return offset;
  }

  u8(offset: number, value: number): void {
    this.#view.setUint8(offset, value);
  }

  u16(offset: number, value: number): void {
    if (value < 0 || value > 0xffff) throw new RangeError(`Got ${value} when 16 bits hold it.`);
    this.#view.setUint16(offset, value, true);
  }

  u32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  i64(offset: number, value: number): void {
    this.#view.setBigInt64(offset, BigInt(value), true);
  }

  copy(offset: number, bytes: Uint8Array): void {
    this.#buffer.set(bytes, offset);
  }

  /** Appends bytes of text; their offset. */
  text(bytes: Uint8Array): number {
    const offset = this.#append(bytes.length);
    this.copy(offset, bytes);
    return offset;
  }

  /** Appends an entry of `bytes` for each item, which `write` fills; their offset. */
  table<Item>(
    items: readonly Item[],
    bytes: number,
    write: (at: number, item: Item) => void,
    headBytes = 0,
  ): number {
    const offset = this.reserve(headBytes + items.length * bytes);
    items.forEach((item, index) => write(offset + headBytes + index * bytes, item));
    return offset;
  }

  /** The same behind a head of `headBytes`, which begins with how many they are. */
  counted<Item>(
    items: readonly Item[],
    headBytes: number,
    bytes: number,
    write: (at: number, item: Item) => void,
  ): number {
    const offset = this.table(items, bytes, write, headBytes);
    this.u32(offset, items.length);
    return offset;
  }

  list(numbers: readonly number[]): number {
    return this.counted(numbers, 4, 4, (at, number) => this.u32(at, number));
  }

  /** A list of doubles. */
  numbers(values: readonly number[]): number {
    return this.counted(values, 8, 8, (at, value) => this.#view.setFloat64(at, value, true));
  }

  /** Appends the code of an expression; its offset. Code that stood there before is shared. */
  expression(expression: Expression, fieldOf: FieldOf): number {
    const offset = this.reserve(0);
    this.#emit(expression, fieldOf);
    this.#op(layout.OP_END);
    // What no program holds is not compared with others: its text may be more than a string holds.
    if (this.#length - offset > layout.PROGRAM_BYTES_MAX) return offset;
    const text = this.#buffer.subarray(offset, this.#length).join();
    const known = this.#expressions.get(text);
    if (known === undefined) this.#expressions.set(text, offset);
    else this.#retract(offset);
    return known ?? offset;
  }

  /** Takes back what was appended from `offset` on. */
  #retract(offset: number): void {
    this.#buffer.fill(0, offset, this.#length);
    this.#length = offset;
  }

  #emit(expression: Expression, fieldOf: FieldOf): void {
    switch (expression.op) {
      case "literal":
        return this.#literal(expression.value);
      case "get":
        return this.#field(fieldOf(expression.path));
      case "has":
        this.#field(fieldOf(expression.path));
        return this.#op(layout.OP_HAS);
      case "in":
        return this.#in(expression.arg, expression.values, fieldOf);
      case "case":
        return this.#case(expression.args, fieldOf);
      case "!":
        for (const arg of expression.args) this.#emit(arg, fieldOf);
        return this.#op(layout.OP_NOT);
      default:
        return this.#operator(expression.op, expression.args, fieldOf);
    }
  }

  #operator(
    op: Exclude<Operator, "!" | "case">,
    args: readonly Expression[],
    fieldOf: FieldOf,
  ): void {
    if (!(op in CHAINS)) {
      for (const arg of args) this.#emit(arg, fieldOf);
      return this.#op(BINARY[op as keyof typeof BINARY]);
    }
    const chain = CHAINS[op as keyof typeof CHAINS];
    this.#op(chain.empty);
    for (const arg of args) {
      this.#emit(arg, fieldOf);
      this.#op(chain.join);
    }
  }

  #in(arg: Expression, values: readonly Literal[], fieldOf: FieldOf): void {
    this.#emit(arg, fieldOf);
    this.#op(layout.OP_IN);
    this.u32(this.#append(4), values.length);
    for (const value of values) this.#literal(value);
  }

  #case(args: readonly Expression[], fieldOf: FieldOf): void {
    const ends: number[] = [];
    for (let index = 0; index + 2 < args.length; index += 2) {
      this.#emit(args[index]!, fieldOf);
      const next = this.#jump(layout.OP_JUMP_UNLESS);
      this.#emit(args[index + 1]!, fieldOf);
      ends.push(this.#jump(layout.OP_JUMP));
      this.#land(next);
    }
    this.#emit(args.at(-1)!, fieldOf);
    for (const end of ends) this.#land(end);
  }

  #literal(value: Literal): void {
    if (value === null) return this.#op(layout.OP_NULL);
    if (typeof value === "boolean") return this.#op(value ? layout.OP_TRUE : layout.OP_FALSE);
    if (typeof value === "number") {
      this.#op(layout.OP_NUMBER);
      const at = this.#append(8);
      return this.#view.setFloat64(at, value, true);
    }
    const bytes = encoder.encode(value);
    this.literalBytesMax = Math.max(this.literalBytesMax, bytes.length);
    this.#op(layout.OP_STRING);
    this.u32(this.#append(4), bytes.length);
    this.copy(this.#append(bytes.length), bytes);
  }

  #field(field: number): void {
    this.#op(layout.OP_FIELD);
    this.u16(this.#append(2), field);
  }

  #op(op: number): void {
    this.u8(this.#append(1), op);
  }

  /** A jump whose distance `#land` fills in. */
  #jump(op: number): number {
    this.#op(op);
    return this.#append(4);
  }

  #land(operand: number): void {
    this.u32(operand, this.#length - (operand + 4));
  }

  #append(bytes: number): number {
    const offset = this.#length;
    this.#extend(offset + bytes);
    return offset;
  }

  #extend(length: number): void {
    if (length > this.#buffer.length) {
      const wider = new Uint8Array(Math.max(length, this.#buffer.length * 2));
      wider.set(this.#buffer);
      this.#buffer = wider;
      this.#view = new DataView(wider.buffer);
    }
    this.#length = length;
  }
}
