// The quarantine: lines that nobody can vouch for, held durably beside the log until a person
// releases them. One line for one identity and content, `limits.quarantine` in all.
//
// Beside it stand the identities of what was released: the core's table forgets by event time, and
// what was held for its age lies before the horizon already. As many are kept as lines may be held,
// the newest; an event whose identity has left this list too is held once more.

import { decoder } from "../event/utf8.ts";
import type { QuarantineCode } from "../event/fault.ts";
import { HostFault } from "../store/host-fault.ts";
import type { HeldLine, Recovered, ReleasedIdentity } from "../store/store.ts";
import { content, decodeAccepted } from "./decode.ts";
import type { Pushed } from "./input.ts";

/** A held line, as the library lists it. */
export interface QuarantineEntry {
  readonly id: string;
  readonly code: QuarantineCode;
  readonly receivedAt: number | null;
  readonly line: string;
}

/** A push whose lines were held: none of them is held again. */
export interface Release {
  /** The lines' ids, which leave the list; none where an exported log is run again. */
  readonly ids: readonly string[];
  /** Of lines whose identity was released before: the position of that event. */
  readonly known: ReadonlyMap<number, number>;
}

export const LOGGED_RELEASE: Release = { ids: [], known: new Map() };

const UNKNOWN_NAMED_MAX = 3;
/** A carriage return is taken off with the newline: one that the line ends with stays. */
const LINE_END = [13, 10];

export class Quarantine {
  #max: number;
  readonly #held = new Map<string, HeldLine>();
  /** The held lines of an identity: its fingerprint is the first part of their ids. */
  readonly #byIdentity = new Map<string, string[]>();

  /** The positions of released events by identity, oldest first. */
  readonly #released = new Map<string, number>();

  /** `kept` is what the store holds of it. */
  constructor(max: number, kept: Pick<Recovered, "held" | "released"> | null) {
    this.#max = max;
    for (const line of kept?.held ?? []) this.add(line);
    for (const { identity, position } of kept?.released ?? []) {
      this.#released.set(identity, position);
    }
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

  /** As another plan has it: so many lines at once, from now on. */
  limitTo(max: number): void {
    this.#max = max;
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

  /** The held lines with these ids, each once. HostFault `unknown_id` where one names none. */
  take(ids: readonly string[]): Pushed & { readonly release: Release } {
    const distinct = [...new Set(ids)];
    const unknown = distinct.filter((id) => !this.#held.has(id));
    if (unknown.length > 0) throw unknownIds(unknown);
    const lines = distinct.map((id) => this.#held.get(id)!.line);
    const known = new Map<number, number>();
    for (const [index, id] of distinct.entries()) {
      const position = this.releasedAt(identityOf(id));
      if (position !== null) known.set(index, position);
    }
    return { bytes: joined(lines), release: { ids: distinct, known } };
  }

  /** These lines leave the list, and what was accepted of them is remembered. */
  letGo(ids: readonly string[], accepted: readonly ReleasedIdentity[]): void {
    for (const id of ids) {
      this.#held.delete(id);
      const identity = identityOf(id);
      const rest = this.#byIdentity.get(identity)!.filter((other) => other !== id);
      if (rest.length > 0) this.#byIdentity.set(identity, rest);
      else this.#byIdentity.delete(identity);
    }
    const { remembered, forgotten } = this.makeWay(accepted);
    for (const identity of forgotten) this.#released.delete(identity);
    for (const { identity, position } of remembered) {
      this.#released.delete(identity);
      this.#released.set(identity, position);
    }
  }

  /** The log below `position` was trimmed: what was released there cannot be compared any more. */
  forgetBelow(position: number): void {
    for (const [identity, at] of [...this.#released]) {
      if (at < position) this.#released.delete(identity);
    }
  }

  /** Where the event stands that was released with this identity; null where none is known. */
  releasedAt(identity: string): number | null {
    return this.#released.get(identity) ?? null;
  }

  /** Which of `accepted` are remembered, being the newest, and which older ones make way. */
  makeWay(accepted: readonly ReleasedIdentity[]): {
    remembered: readonly ReleasedIdentity[];
    forgotten: readonly string[];
  } {
    const remembered = accepted.slice(Math.max(accepted.length - this.#max, 0));
    if (remembered.length === 0) return { remembered, forgotten: [] };
    const renewed = new Set(remembered.map(({ identity }) => identity));
    const older = [...this.#released.keys()].filter((identity) => !renewed.has(identity));
    const surplus = Math.max(older.length + renewed.size - this.#max, 0);
    return { remembered, forgotten: older.slice(0, surplus) };
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

/** Lines in one buffer, each ended. */
function joined(lines: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(
    lines.reduce((sum, { length }) => sum + length + LINE_END.length, 0),
  );
  let end = 0;
  for (const line of lines) {
    bytes.set(line, end);
    bytes.set(LINE_END, end + line.length);
    end += line.length + LINE_END.length;
  }
  return bytes;
}

function unknownIds(ids: readonly string[]): HostFault {
  const named = ids.slice(0, UNKNOWN_NAMED_MAX).map((id) => JSON.stringify(id));
  const more = ids.length > named.length ? ` and ${ids.length - named.length} more` : "";
  const message = `No line is held under ${named.join(", ")}${more}: release ids of quarantine().`;
  return new HostFault("unknown_id", `${message} Nothing was released.`);
}

function contentOf(line: Uint8Array): string {
  return content(decodeAccepted(line));
}
