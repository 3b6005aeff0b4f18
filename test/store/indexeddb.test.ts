import { test } from "vitest";
import { indexeddb } from "../../engine/store/indexeddb.ts";
import { appendOf, expectFault } from "./writes.ts";

test("The IndexedDB store can be imported where there is none, and says so when it is used", async () => {
  const store = indexeddb("nowhere");
  await expectFault(() => store.recover(), "storage_unavailable", "There is no IndexedDB here");
  await expectFault(() => store.append(appendOf(0, 1)), "storage_unavailable");
  await store.close();
});
