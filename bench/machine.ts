// Where and of what something was measured.

import { spawnSync } from "node:child_process";
import { cpus, loadavg, totalmem } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly commit: string;
  /** Processes that ran or waited when the bench began: more than 1 disturbs it. */
  readonly load: number;
  readonly rounds: number;
  readonly events: number;
}

export function machineOf(rounds: number, events: number): Machine {
  const git = spawnSync("git", ["describe", "--always", "--dirty"], { encoding: "utf8" });
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? "unknown",
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    commit: git.stdout?.trim() || "unknown",
    load: loadavg()[0]!,
    rounds,
    events,
  };
}
