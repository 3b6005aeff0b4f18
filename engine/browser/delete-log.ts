// The end of a log of this origin, on purpose: with its witness, so that nobody takes it for lost.

import { deleteDB } from "idb";
import { HostFault } from "../store/host-fault.ts";
import { databaseOf } from "../store/indexeddb.ts";
import { dropWitness } from "../store/witness.ts";
import { lockOf } from "./protocol.ts";

/**
 * Deletes the log `name`, if there is one, for good: the next `connect` begins a new one. After
 * `log_lost` it says that the loss is accepted. HostFault `storage_blocked` while it is open, here
 * or in another tab: close every connection first; where it was somebody else's, who does not let
 * go of it, the browser deletes it when they do. `storage_unavailable` where the browser refuses.
 */
export async function deleteLog(name: string): Promise<void> {
  const locks = navigator.locks as LockManager | undefined;
  try {
    if (locks === undefined) return await drop(name);
    await locks.request(lockOf(name), { ifAvailable: true }, (lock) => {
      if (lock === null) throw isOpen(name);
      return drop(name);
    });
  } catch (cause) {
    if (cause instanceof HostFault) throw cause;
    const message = `The browser refused to delete the log (${String(cause)}).`;
    throw new HostFault("storage_unavailable", message, { cause });
  }
}

/** Its witness first: between the two a crash leaves a log as of an older build. */
async function drop(name: string): Promise<void> {
  const database = databaseOf(name);
  await dropWitness(database);
  const blocked = Promise.withResolvers<never>();
  const deleted = deleteDB(database, { blocked: () => blocked.reject(isOpen(name)) });
  await Promise.race([deleted, blocked.promise]);
}

function isOpen(name: string): HostFault {
  const message = `The log ${JSON.stringify(name)} is open, here or in another tab`;
  return new HostFault("storage_blocked", `${message}: close every connection, delete again.`);
}
