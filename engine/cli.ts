// The command line's entry: the oldest Node that runs it, and then the command.

import { main } from "./cli/command.ts";

const NODE_OLDEST = [22, 13] as const;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const [oldestMajor, oldestMinor] = NODE_OLDEST;

if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) {
  process.exitCode = await main(process.argv.slice(2), process);
} else {
  const needed = `Millrace needs Node ${NODE_OLDEST.join(".")} or later`;
  process.stderr.write(`${needed}, and this is Node ${process.versions.node}.\n`);
  process.exitCode = 1;
}
