// The outboxes that run in Node: memory, and SQLite in a file.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, expect, test } from "vitest";
import { indexeddb, memory, type Outbox } from "../../engine/publish/index.ts";
import { sqlite } from "../../engine/publish/sqlite.ts";
import { outboxContract } from "./contract.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-outbox-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let fileCount = 0;
const newFile = (): string => join(folder, `outbox-${fileCount++}.db`);

outboxContract("memory", false, (body) => {
  const outbox = memory();
  return body({ open: () => outbox });
});

outboxContract("SQLite", true, async (body) => {
  const file = newFile();
  const opened: Outbox[] = [];
  await body({
    open: () => {
      for (const outbox of opened) void outbox.close();
      const outbox = sqlite(file);
      opened.push(outbox);
      return outbox;
    },
  });
  for (const outbox of opened) void outbox.close();
});

test("a file is one process's: another connection is refused, by code", () => {
  const file = newFile();
  const outbox = sqlite(file);
  void outbox.append(["a"]);
  const other = sqlite(file);
  expect(() => other.count()).toThrow(
    expect.objectContaining({ name: "HostFault", code: "storage_unavailable" }),
  );
  void outbox.close();
  expect(other.count()).toBe(1);
  void other.close();
});

test("a group of facts that does not fit leaves nothing, and is told by code", () => {
  const file = newFile();
  const outbox = sqlite(file);
  void outbox.append(["a"]);
  void outbox.close();
  const raw = new DatabaseSync(file);
  raw.exec(`CREATE TRIGGER full BEFORE INSERT ON millrace_fact WHEN new.line = 'c'
    BEGIN SELECT raise(ABORT, 'database or disk is full'); END`);
  raw.close();
  expect(() => outbox.append(["b", "c"])).toThrow(
    expect.objectContaining({ name: "HostFault", code: "quota_exceeded" }),
  );
  expect(outbox.read(0, 10)).toEqual([{ number: 1, line: "a" }]);
  void outbox.close();
});

test("IndexedDB can be imported where there is none, and says so when it is used", async () => {
  const outbox = indexeddb("nowhere");
  const fault = { name: "HostFault", code: "storage_unavailable" };
  await expect(outbox.append(["a"])).rejects.toMatchObject(fault);
  await expect(outbox.count()).rejects.toMatchObject(fault);
  await outbox.close();
});
