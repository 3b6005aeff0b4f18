// Text out: to a stream that may be slow, closed early, or a terminal.

import { once } from "node:events";
import type { Writable } from "node:stream";

export type Terminal = Writable & { readonly isTTY?: boolean };

const CLOSED_CODES = ["EPIPE", "ERR_STREAM_DESTROYED", "ERR_STREAM_WRITE_AFTER_END"];

/** A stream whose writer waits for its reader. */
export class Output {
  readonly isTerminal: boolean;
  readonly #stream: Terminal;
  #failure: Error | null = null;

  constructor(stream: Terminal) {
    this.#stream = stream;
    this.isTerminal = stream.isTTY === true;
    stream.on("error", (error: Error) => {
      this.#failure ??= error;
    });
  }

  async write(text: string): Promise<void> {
    if (text === "") return;
    if (this.#failure !== null) throw this.#failure;
    if (this.#stream.destroyed) throw closed();
    if (!this.#stream.write(text)) await once(this.#stream, "drain");
  }
}

function closed(): Error {
  return Object.assign(new Error("The output was closed."), { code: "EPIPE" });
}

/** Whether the output's reader went away. */
export function isClosed(error: unknown): boolean {
  return error instanceof Error && "code" in error && CLOSED_CODES.includes(String(error.code));
}

/** Text from an input, so that it cannot steer a terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`;
  });
}
