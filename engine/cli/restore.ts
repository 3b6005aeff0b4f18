// The way back after `log_incomplete`: archived chunks, a file each under whatever name, go back
// into a log in SQLite. Each is read and checked once before, to know where it stands, and once
// more when it is put back; one is held at a time.

import { access, constants, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isSame } from "../event/bytes.ts";
import { digestOf, verifyLog } from "../store/chain.ts";
import { checkChunk } from "../store/chunk.ts";
import { HostFault } from "../store/host-fault.ts";
import { sqlite } from "../store/node-sqlite.ts";
import { restoreLog } from "../store/restore.ts";
import type { Store } from "../store/store.ts";
import type { RestoreCommand } from "./arguments.ts";
import { printable, type Output } from "./output.ts";

const EXIT_FINE = 0;
const EXIT_BROKEN = 1;

export async function restore(
  { archive, store: file }: RestoreCommand,
  stdout: Output,
  stderr: Output,
): Promise<number> {
  // A file that is not there would be made.
  await access(file, constants.R_OK | constants.W_OK);
  const chunks = await chunksIn(archive, stderr);
  const store = sqlite(file);
  try {
    return await putBack(store, chunks, stdout, stderr);
  } finally {
    await store.close();
  }
}

async function putBack(
  store: Store,
  chunks: ReadonlyMap<number, readonly string[]>,
  stdout: Output,
  stderr: Output,
): Promise<number> {
  const recovered = await store.recover();
  if (recovered === null) throw new HostFault("storage_unavailable", "The file holds no log.");
  const { trimmedTo: from, endPosition } = recovered;
  let fault: unknown = null;
  try {
    await restoreLog(store, async (end, sha256) => {
      let bytes: Uint8Array | null = null;
      for (const path of chunks.get(end) ?? []) {
        bytes = new Uint8Array(await readFile(path));
        if (isSame(await digestOf(bytes), sha256)) break;
      }
      return bytes;
    });
  } catch (error) {
    fault = error;
  }
  const { trimmedTo } = (await store.recover())!;
  if (trimmedTo < from) await stdout.write(`Positions ${trimmedTo} to ${from - 1} are back.\n`);
  if (fault !== null) throw fault;
  const { broken } = await verifyLog(store, 0, 0, endPosition, null);
  if (broken === undefined) {
    await stdout.write(`The log is whole, one unbroken chain up to position ${endPosition}.\n`);
    return EXIT_FINE;
  }
  await stderr.write(`${broken.code} at position ${broken.position}: ${broken.message}\n`);
  return EXIT_BROKEN;
}

/**
 * The files of a folder that are whole chunks, by where they end, of whatever logs; of others it
 * says so.
 */
async function chunksIn(
  folder: string,
  stderr: Output,
): Promise<ReadonlyMap<number, readonly string[]>> {
  const chunks = new Map<number, string[]>();
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isFile() && !entry.isSymbolicLink()) continue;
    const path = join(folder, entry.name);
    try {
      const { endPosition } = checkChunk(new Uint8Array(await readFile(path)));
      const ending = chunks.get(endPosition);
      if (ending === undefined) chunks.set(endPosition, [path]);
      else ending.push(path);
    } catch (error) {
      // What cannot be read is missed, by its position, where a chunk is.
      const code = error instanceof HostFault ? `${error.code}: ` : "";
      await stderr.write(`${printable(path)}: ${code}${(error as Error).message}\n`);
    }
  }
  return chunks;
}
