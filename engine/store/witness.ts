// A witness: an empty file of the origin's private file system, by which a database that is gone is
// told from one that never was. Chromium deletes all databases of an origin when it finds them
// corrupt, and says so to the first that is opened after it, which may be the application's own;
// files it leaves alone. Storage that is cleared, or evicted, as a whole takes the witness along.
//
// It is put there when the database durably has something to lose, and taken away before who
// deletes that on purpose does so: a crash in between leaves a database without a witness, which
// gets one when it is opened. Where there are no such files (a private window, a page that is not
// served securely) nothing is known, and everything goes on without.

/** Whether `database` is known to have been; with `create` it is from now on, where it can be. */
export async function hasWitness(database: string, create?: true): Promise<boolean> {
  try {
    const folder = await navigator.storage.getDirectory();
    await folder.getFileHandle(fileOf(database), { create: create! });
    return true;
  } catch {
    return false;
  }
}

/** To be called before `database` is deleted on purpose. */
export async function dropWitness(database: string): Promise<void> {
  try {
    const folder = await navigator.storage.getDirectory();
    await folder.removeEntry(fileOf(database));
  } catch {
    // There is none, or there are no such files.
  }
}

/** What no file system takes for something else; some do not tell upper case from lower. */
function fileOf(database: string): string {
  return encodeURIComponent(database).replace(/[A-Z]/g, "+$&");
}
