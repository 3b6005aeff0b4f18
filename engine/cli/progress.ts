// The progress bar: on a terminal, and only there. It is drawn over itself whenever a percent more
// was read, or a MiB where nobody knows how much there is.

import type { Output } from "./output.ts";

const WIDTH = 24;
const STEP_BYTES = 1024 * 1024;
const CLEAR = "\r\u001b[K";

export class Progress {
  readonly #output: Output;
  readonly #isShown: boolean;
  readonly #totalBytes: number | null;
  #readBytes = 0;
  #nextBytes = 0;
  #isDrawn = false;

  /** `totalBytes` is null where it is not known. */
  constructor(output: Output, isShown: boolean, totalBytes: number | null) {
    this.#output = output;
    this.#isShown = isShown && output.isTerminal;
    this.#totalBytes = totalBytes;
  }

  async read(bytes: number): Promise<void> {
    this.#readBytes += bytes;
    if (!this.#isShown || this.#readBytes < this.#nextBytes) return;
    const total = this.#totalBytes;
    this.#nextBytes = this.#readBytes + (total === null ? STEP_BYTES : total / 100);
    this.#isDrawn = true;
    await this.#output.write(CLEAR + barText(this.#readBytes, total));
  }

  /** Before anything else is written to the terminal. */
  async clear(): Promise<void> {
    if (this.#isDrawn) await this.#output.write(CLEAR);
    this.#isDrawn = false;
  }
}

function barText(readBytes: number, totalBytes: number | null): string {
  const read = `${(readBytes / STEP_BYTES).toFixed(1)} MiB`;
  if (totalBytes === null || totalBytes === 0) return read;
  const part = Math.min(readBytes / totalBytes, 1);
  const done = Math.round(part * WIDTH);
  const percent = `${Math.floor(part * 100)} %`;
  return `[${"#".repeat(done)}${".".repeat(WIDTH - done)}] ${percent}, ${read}`;
}
