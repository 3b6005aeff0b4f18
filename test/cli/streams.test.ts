// The streams of a run: what is waited for, what ends it, and what a terminal is shown.

import { describe, expect, test } from "vitest";
import { main } from "../../engine/cli/command.ts";
import {
  chunksOf,
  event,
  EVENTS,
  folder,
  INPUT,
  millrace,
  PLAN,
  Sink,
  type Ran,
} from "./terminal.ts";

const file = folder();
const plan = file("plan.json", PLAN);

function run(words: readonly string[], input: string | Uint8Array = INPUT): Promise<Ran> {
  return millrace(["run", plan, ...words], input);
}

describe("streams", () => {
  async function runOn(words: string[], io: { stdout?: Sink; stderr?: Sink }, input = INPUT) {
    const stdout = io.stdout ?? new Sink();
    const stderr = io.stderr ?? new Sink();
    const code = await main(["run", plan, ...words], { stdin: chunksOf(input), stdout, stderr });
    return { code, stdout, stderr };
  }

  test("a slow output is waited for", async () => {
    const { stdout } = await runOn(["--batch", "1"], { stdout: new Sink(true) });
    expect(stdout.text).toBe((await run(["--batch", "1"])).stdout);
    expect(stdout.writes).toBe(5);
  });

  test("what one push tells is written a part at a time: a string has an end", async () => {
    const lines: number[] = [];
    class Counting extends Sink {
      override _write(chunk: string, encoding: BufferEncoding, done: () => void): void {
        lines.push(chunk.split("\n").length - 1);
        super._write(chunk, encoding, done);
      }
    }
    const many = Array.from({ length: 2500 }, (_, k) => event(`m${k}`, 5, { data: { k } }));
    const stdout = new Counting();
    await runOn(["--batch", "2500"], { stdout }, many.join("\n"));
    expect(lines).toEqual([1000, 1000, 500]);
  });

  test("reading waits for the output", async () => {
    let isWaiting = false;
    let overtaken = 0;
    class Watched extends Sink {
      override _write(chunk: string, encoding: BufferEncoding, done: () => void): void {
        isWaiting = true;
        super._write(chunk, encoding, () => {
          isWaiting = false;
          done();
        });
      }
    }
    async function* source(): AsyncGenerator<Uint8Array> {
      for (const line of EVENTS) {
        if (isWaiting) overtaken++;
        yield Buffer.from(`${line}\n`);
      }
    }
    const stdout = new Watched(true);
    const stdin = source();
    await main(["run", plan, "--batch", "1"], { stdin, stdout, stderr: new Sink() });
    expect({ overtaken, writes: stdout.writes }).toEqual({ overtaken: 0, writes: 5 });
  });

  test("an output that is closed ends the run in silence, with 1", async () => {
    class Closing extends Sink {
      override _write(_chunk: string, _: BufferEncoding, done: (error?: Error) => void): void {
        done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
      }
    }
    const { code, stderr } = await runOn(["--batch", "1"], { stdout: new Closing() });
    expect({ code, stderr: stderr.text }).toEqual({ code: 1, stderr: "" });
  });

  test("a bar is drawn on a terminal only, and cleared before words", async () => {
    const terminal = new Sink();
    terminal.isTTY = true;
    const { stderr } = await runOn([], { stderr: terminal }, `{}\n${INPUT}`);
    expect(stderr.text.startsWith("\r\u001b[K0.0 MiB\r\u001b[Kstandard input:1: ")).toBe(true);
    expect(stderr.text.endsWith("0 late\n")).toBe(true);
    const path = file("bar.ndjson", INPUT);
    const named = new Sink();
    named.isTTY = true;
    await runOn([path], { stderr: named });
    expect(named.text).toContain("[########################] 100 %, 0.0 MiB");
    expect((await run([path])).stderr).not.toContain("%");
  });

  test("no bar is drawn where changes go to the same terminal", async () => {
    const stdout = new Sink();
    const stderr = new Sink();
    stdout.isTTY = true;
    stderr.isTTY = true;
    expect((await runOn([], { stdout, stderr })).stderr.text).not.toContain("MiB");
  });
});
