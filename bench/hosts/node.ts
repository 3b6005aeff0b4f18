// A contender in a Node process of its own: forked from here, told by messages, stopped between its
// rounds.

import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Job, Round, Runner } from "../runner.ts";

export type Said =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "round"; readonly round: Round };

export type Asked = { readonly withAnswer: boolean };

const CHILD = fileURLToPath(new URL("./node-child.ts", import.meta.url));
const FLAGS = ["--expose-gc", "--max-old-space-size=8192", "--disable-warning=ExperimentalWarning"];

export async function startInNode(job: Job): Promise<Runner> {
  const child = fork(CHILD, [JSON.stringify(job)], {
    execArgv: FLAGS,
    serialization: "advanced",
    // Some contenders print; the bench's own output is clean.
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const said = await nextSaid(child);
  child.kill("SIGSTOP");
  if (said.kind !== "ready") throw new Error(said.kind === "failed" ? said.reason : "Not ready.");
  return {
    round: async (withAnswer) => {
      child.kill("SIGCONT");
      child.send({ withAnswer } satisfies Asked);
      const answer = await nextSaid(child);
      child.kill("SIGSTOP");
      if (answer.kind === "round") return answer.round;
      throw new Error(answer.kind === "failed" ? answer.reason : "It said something else.");
    },
    stop: async () => {
      child.disconnect();
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
    },
  };
}

function nextSaid(child: ChildProcess): Promise<Said> {
  return new Promise((resolve) => {
    const settle = (said: Said): void => {
      child.off("message", onMessage);
      child.off("exit", onExit);
      resolve(said);
    };
    const onMessage = (message: unknown): void => settle(message as Said);
    const onExit = (code: number | null, signal: string | null): void => {
      settle({ kind: "failed", reason: `The process ended: ${signal ?? `exit code ${code}`}.` });
    };
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}
