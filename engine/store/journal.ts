// Leaves the journal that the browser's last run wrote under this origin's databases.
//
// Chromium's LevelDB writes all of them into one. A kill in mid-write tears the record at its end;
// the next start reads as if that were not there, and then writes on behind it (google/leveldb,
// 1287). So the start after that takes what was written for the rest of the torn record, and loses
// it without a word, or finds a broken journal, and deletes all databases. Chromium begins another
// after 4 MiB, which for a small log is days away, or when a database is deleted: so one is, at
// each start. What was torn is forgotten some 50 ms later; a kill before that is one too many.

/** Made to be deleted; one that a kill has left is deleted by the next start. */
export const SCRATCH = "millrace-journal";

/** Nobody waits for it, and nothing but a later start depends on it. */
export function leaveJournal(): void {
  // Other browsers make and delete it for nothing. Where there is no room the old one goes on.
  const request = indexedDB.open(SCRATCH);
  request.onsuccess = () => {
    request.result.close();
    indexedDB.deleteDatabase(SCRATCH);
  };
}
