// What a run says at its end, for a reader to look at: what was late, and where the clock jumped.

import { describe, expect, test } from "vitest";
import { event, EVENTS, folder, INPUT, millrace, MINUTE, PLAN, type Ran } from "./terminal.ts";

const file = folder();
const plan = file("plan.json", PLAN);

function run(words: readonly string[], input: string | Uint8Array = INPUT): Promise<Ran> {
  return millrace(["run", plan, ...words], input);
}

describe("the summary", () => {
  const YEAR = 365.25 * 24 * 60 * MINUTE;

  test("says how many were late for each query, and what else was odd", async () => {
    const late = [...EVENTS, event("late", 1), event("odd", 2 * MINUTE, { data: {} })];
    const { told } = await run([], late.join("\n"));
    expect(told.at(-1)).toBe("counts: 5 applied, 1 late, 1 unkeyed");
    expect(told.at(-2)).toBe("clock from 1970-01-01T00:00:00.000Z to 1970-01-01T00:02:00.000Z");
  });

  test("says where the clock jumped, and how far", async () => {
    const far = [...EVENTS, "", event("far", 75 * YEAR), event("d", 75 * YEAR + 36e5)];
    for (const batch of ["1", "3", "1000"]) {
      const { told } = await run(["--batch", batch], far.join("\n"));
      const jumps = told.filter((line) => line.startsWith("clock jumped"));
      expect(jumps).toEqual(["clock jumped 75 y at line 7 of standard input"]);
    }
    const array = await run([], `[${[event("x", 0), event("y", 3 * 864e5)].join()}]`);
    expect(array.stderr).toContain("clock jumped 3 d at element 2 of standard input\n");
  });

  test("knows ticks, receive times, delay, and what moved no clock", async () => {
    const delayed = file("delay.json", { ...PLAN, clock: { delay: "2d", maxAhead: "9999d" } });
    const lines = [
      event("a", 0, { at: 0 }),
      // Received early: the clock goes where it was received.
      event("b", 9 * 864e5, { at: 1 }),
      "{}",
      '{"tick":604800000}',
    ];
    const words = ["--ticks", "--received-at", "at"];
    const { told } = await millrace(["run", delayed, ...words], lines.join("\n"));
    expect(told.filter((line) => line.startsWith("clock"))).toEqual([
      "clock from 1969-12-30T00:00:00.000Z to 1970-01-06T00:00:00.000Z",
      "clock jumped 7 d at line 4 of standard input",
    ]);
  });

  test("blames no line that was refused for a jump of the same push", async () => {
    const lines = [event("a", 0), event("a", 5 * 864e5), event("b", 9 * 864e5)];
    const { told } = await run([], lines.join("\n"));
    expect(told.filter((line) => line.startsWith("clock jumped"))).toEqual([
      "clock jumped 9 d at line 3 of standard input",
    ]);
  });

  test("lists a few jumps, then counts", async () => {
    const jumping = Array.from({ length: 9 }, (_, day) => event(`j${day}`, day * 2 * 864e5));
    const { told } = await run(["--batch", "2"], jumping.join("\n"));
    expect(told.filter((line) => line.startsWith("clock jumped"))).toHaveLength(6);
    expect(told).toContain("clock jumped 3 more times");
    const five = await run(["--batch", "2"], jumping.slice(0, 6).join("\n"));
    expect(five.told.filter((line) => line.startsWith("clock jumped"))).toHaveLength(5);
    expect(five.stderr).not.toContain("more time");
    const six = await run(["--batch", "2"], jumping.slice(0, 7).join("\n"));
    expect(six.told).toContain("clock jumped 1 more time");
  });

  test("says a clock beyond every calendar in ms", async () => {
    const { stderr } = await run(["--ticks"], '{"tick":9007199254740991}');
    expect(stderr).toContain("clock from 9007199254740991 ms to 9007199254740991 ms");
  });
});
