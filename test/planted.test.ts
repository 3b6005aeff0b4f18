// Every planted mistake is caught: minutes, so in `npm run test:full` only, or by `npm run planted`.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { FULL, measured } from "./measured.ts";

const SCRIPT = fileURLToPath(new URL("../tools/planted.ts", import.meta.url));

test.skipIf(!FULL)("every planted mistake is caught", { timeout: 3_600_000 }, () => {
  const { MILLRACE_CASES: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT], {
    env,
    encoding: "utf8",
  });
  const [, caught, planted] = /^(\d+) of (\d+) planted mistakes caught/m.exec(stdout) ?? [];
  measured("planted mistakes", Number(planted), "");
  measured("planted mistakes caught", Number(caught), "");
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: "" });
});
