// The quarantine: lines that nobody can vouch for, held durably beside the log until a person
// releases them. One line for one identity and content, `limits.quarantine` in all.

import type { QuarantineCode } from "../event/fault.ts";
import type { HeldLine } from "../store/store.ts";
import { content, decodeEvent, isFault } from "./decode.ts";

/** A held line, as the library lists it. */
export interface QuarantineEntry {
  readonly id: string;
  readonly code: QuarantineCode;
  readonly receivedAt: number | null;
  readonly line: string;
}

const decoder = new TextDecoder();

export class Quarantine {
  readonly #max: number;
  readonly #held = new Map<string, HeldLine>();
  /** The held lines of an identity: its fingerprint is the first part of their ids. */
  readonly #byIdentity = new Map<string, string[]>();

  constructor(max: number, held: readonly HeldLine[]) {
    this.#max = max;
    for (const line of held) this.add(line);
  }

  /**
   * The id of the line held for this identity and content, or the one under which it would be.
   * `pending` are the lines that the push at hand holds before it.
   */
  idOf(
    identity: string,
    line: Uint8Array,
    pending: readonly HeldLine[],
  ): { id: string; isHeld: boolean } {
    const ids = this.#byIdentity.get(identity) ?? [];
    const same = ids.map((id) => this.#held.get(id)!);
    for (const held of pending) if (identityOf(held.id) === identity) same.push(held);
    if (same.length === 0) return { id: identity, isHeld: false };
    const wanted = contentOf(line);
    const held = same.find((each) => contentOf(each.line) === wanted);
    if (held !== undefined) return { id: held.id, isHeld: true };
    const taken = new Set(same.map(({ id }) => id));
    let number = 2;
    while (taken.has(`${identity}-${number}`)) number++;
    return { id: `${identity}-${number}`, isHeld: false };
  }

  /** Whether `more` lines find room. */
  hasRoom(more: number): boolean {
    return this.#held.size + more <= this.#max;
  }

  add(line: HeldLine): void {
    this.#held.set(line.id, line);
    const identity = identityOf(line.id);
    const ids = this.#byIdentity.get(identity);
    if (ids === undefined) this.#byIdentity.set(identity, [line.id]);
    else ids.push(line.id);
  }

  list(): QuarantineEntry[] {
    return [...this.#held.values()].map(({ id, code, receivedAt, line }) => {
      return { id, code, receivedAt, line: decoder.decode(line) };
    });
  }
}

function identityOf(id: string): string {
  return id.split("-", 1)[0]!;
}

function contentOf(line: Uint8Array): string {
  const decoded = decodeEvent(line, 0, line.length);
  if (isFault(decoded)) throw new Error(`Got ${decoded.code} from a held line, which was valid.`);
  return content(decoded);
}
