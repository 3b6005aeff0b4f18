// Which of two hosts that differ is to have the log: a total order, so that no two hand it to and fro.

import { expect, test } from "vitest";
import type { Introduction } from "../../engine/browser/protocol.ts";
import { compareBuilds, fingerprintOf, newId, replaces } from "../../engine/browser/standing.ts";

const HOST: Introduction = {
  host: "a",
  build: "0.1.0",
  fingerprint: "p",
  since: 1000,
  aliveLock: null,
};

test("hosts of one plan and one build leave the log where it is", () => {
  expect(replaces({ ...HOST, host: "b", since: 2000 }, HOST)).toBe(false);
});

test.each([
  ["the later page of two plans", { fingerprint: "q", since: 2000 }, true],
  ["the earlier page of two plans", { fingerprint: "q", since: 500 }, false],
  ["of one moment, the greater name", { fingerprint: "q", host: "b" }, true],
  ["the newer build, though its page is the earlier", { build: "0.2.0", since: 500 }, true],
  ["the older build, though its page is the later", { build: "0.0.9", since: 2000 }, false],
  ["the older build with another plan", { build: "0.0.9", fingerprint: "q", since: 2000 }, false],
] as const)("%s", (_, more, expected) => {
  const other = { ...HOST, ...more };
  expect(replaces(other, HOST)).toBe(expected);
  expect(replaces(HOST, other)).toBe(!expected);
});

test("builds are compared by number", () => {
  const builds = ["0.1.0", "0.1.1", "0.2.0", "0.10.0", "1.0.0", "10.0.0"];
  expect(builds.toReversed().toSorted(compareBuilds)).toEqual(builds);
  expect(compareBuilds("1.0", "1.0.0")).toBe(0);
});

test("a fingerprint is the plan's as given, a name is nobody else's", async () => {
  const [one, two] = [await fingerprintOf("{}"), await fingerprintOf("{ }")];
  expect(one).toMatch(/^44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a$/);
  expect(two).not.toBe(one);
  expect(new Set(Array.from({ length: 100 }, newId)).size).toBe(100);
});
