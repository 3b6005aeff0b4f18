// Lines from bytes that come in chunks cut anywhere. Of a line that is too long to be an event only
// so much is kept that it stays too long; where it ends, and whether it is blank, is seen of all of
// it.

const NEWLINE = 0x0a;
const X = 0x78;

function isBlankByte(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}

function isBlank(bytes: Uint8Array): boolean {
  let at = 0;
  while (at < bytes.length && isBlankByte(bytes[at]!)) at++;
  return at === bytes.length;
}

/** A line that is not blank, without its newline; its bytes are good until the next chunk. */
export interface Line {
  readonly bytes: Uint8Array;
  /** The first line of the file is 1; blank ones count. */
  readonly number: number;
}

export class LineReader {
  readonly #keptMax: number;
  #kept = new Uint8Array(1024);
  #keptBytes = 0;
  /** Whether the part that came in earlier chunks is blank. */
  #isBlank = true;
  #number = 1;

  /** Keeps at most `keptMax` bytes of a line. */
  constructor(keptMax: number) {
    this.#keptMax = keptMax;
  }

  /** The lines that this chunk completes. */
  feed(chunk: Uint8Array): Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (;;) {
      const newline = chunk.indexOf(NEWLINE, start);
      if (newline < 0) break;
      this.#add(lines, chunk.subarray(start, newline));
      this.#number++;
      start = newline + 1;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  /** The last line, where no newline ends it. */
  end(): Line[] {
    const lines: Line[] = [];
    this.#add(lines, new Uint8Array(0));
    return lines;
  }

  #add(lines: Line[], rest: Uint8Array): void {
    const number = this.#number;
    if (this.#keptBytes === 0 && rest.length <= this.#keptMax) {
      if (!isBlank(rest)) lines.push({ bytes: rest, number });
      return;
    }
    this.#keep(rest);
    const bytes = this.#kept.slice(0, this.#keptBytes);
    if (!this.#isBlank) {
      // What made it no blank line may lie behind what was kept.
      if (isBlank(bytes)) bytes[0] = X;
      lines.push({ bytes, number });
    }
    this.#keptBytes = 0;
    this.#isBlank = true;
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#isBlank &&= isBlank(bytes);
    const fitting = bytes.subarray(0, this.#keptMax - this.#keptBytes);
    const length = this.#keptBytes + fitting.length;
    if (length > this.#kept.length) {
      const wider = new Uint8Array(Math.max(length, this.#kept.length * 2));
      wider.set(this.#kept.subarray(0, this.#keptBytes));
      this.#kept = wider;
    }
    this.#kept.set(fitting, this.#keptBytes);
    this.#keptBytes = length;
  }
}
