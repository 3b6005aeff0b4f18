// `millrace restore`: a folder with archived chunks and a log in SQLite that does not open; put
// back, it opens, and is one chain. What the folder lacks, or has damaged, is named.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { open, type ArchivedChunk, type Engine, type Retention } from "../../engine/index.ts";
import { decodeChunk, encodeChunk } from "../../engine/store/chunk.ts";
import { sqlite } from "../../engine/store/node-sqlite.ts";
import { event, folder, millrace, PLAN } from "./terminal.ts";

const file = folder();
const HOUR = 3_600_000;
const HOURS = 10;

async function openLog(path: string, retention?: Retention): Promise<Engine> {
  const plan = { ...PLAN, clock: { dedup: "1h" } };
  const store = sqlite(path);
  try {
    return await open({ plan, store, ...(retention && { retention }) });
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface Service {
  readonly store: string;
  readonly archive: string;
  readonly trimmedTo: number;
  readonly rows: unknown;
}

/** A Node service that kept its log for an hour, what is older in a folder; no snapshot is left. */
async function service(name: string): Promise<Service> {
  const archive = file(name, "");
  rmSync(archive);
  mkdirSync(archive);
  const store = `${archive}.db`;
  const engine = await openLog(store, {
    days: 1 / 24,
    archive: ({ position, bytes }: ArchivedChunk): void => {
      writeFileSync(join(archive, String(position).padStart(16, "0")), bytes);
    },
  });
  for (let hour = 0; hour < HOURS; hour++) {
    const [a, b] = [event(`a${hour}`, hour * HOUR), event(`b${hour}`, hour * HOUR + 1)];
    await engine.push(`${a}\n${b}\n`);
    if (hour > HOURS - 3) await engine.snapshot();
  }
  await expect.poll(() => engine.stats().trimmedTo).toBeGreaterThan(10);
  const { trimmedTo } = engine.stats();
  const rows = engine.view("counts").rows();
  await engine.close();
  const database = new DatabaseSync(store);
  database.exec("DELETE FROM millrace_snapshot");
  database.close();
  return { store, archive, trimmedTo, rows };
}

const restore = (archive: string, store: string): ReturnType<typeof millrace> =>
  millrace(["restore", "--archive", archive, "--store", store]);

test("a log that does not open is whole again", async () => {
  const { store, archive, trimmedTo, rows } = await service("whole");
  await expect(openLog(store)).rejects.toMatchObject({ code: "log_incomplete" });
  mkdirSync(join(archive, "no chunk"));
  const whole = `The log is whole, one unbroken chain up to position ${2 * HOURS}.\n`;
  expect(await restore(archive, store)).toMatchObject({
    code: 0,
    stdout: `Positions 0 to ${trimmedTo - 1} are back.\n${whole}`,
    stderr: "",
  });
  const engine = await openLog(store);
  expect(engine.view("counts").rows()).toEqual(rows);
  expect(await engine.verify()).toEqual({ ok: true });
  await engine.close();
  expect(await restore(archive, store)).toMatchObject({ code: 0, stdout: whole });
});

test("what is missing or damaged is named, and the rest put back", async () => {
  const { store, archive, trimmedTo } = await service("damaged");
  const paths = readdirSync(archive).map((name) => join(archive, name));
  const [lost, damaged] = [paths[1]!, paths[3]!];
  const [wholeLost, whole] = [readFileSync(lost), readFileSync(damaged)];
  rmSync(lost);
  writeFileSync(damaged, new Uint8Array(whole).with(70, whole[70]! ^ 1));
  writeFileSync(join(archive, "list.txt"), "two chunks");
  const first = await restore(archive, store);
  expect([first.code, first.stdout]).toEqual([1, `Positions 8 to ${trimmedTo - 1} are back.\n`]);
  expect(first.stderr).toContain(`${damaged}: chunk_broken: The chunk at position 6 is broken`);
  expect(first.stderr).toContain("list.txt: chunk_broken: The chunk at an unknown position");
  expect(first.told.at(-1)).toContain("log_incomplete: The archive has no chunk that ends at");
  expect(first.told.at(-1)).toContain("position 8, so positions 0 to 7 are still missing");
  writeFileSync(damaged, whole);
  const second = await restore(archive, store);
  expect([second.code, second.stdout]).toEqual([1, "Positions 4 to 7 are back.\n"]);
  writeFileSync(lost, wholeLost);
  expect(await restore(archive, store)).toMatchObject({ code: 0 });
});

test("chunks of another log beside them, which end where they do, are passed over", async () => {
  const { store, archive } = await service("mixed");
  for (const name of readdirSync(archive)) {
    const bytes = new Uint8Array(readFileSync(join(archive, name)));
    const chunk = decodeChunk(bytes);
    const other = encodeChunk({ ...chunk, previousDigest: new Uint8Array(32).fill(3) });
    for (const beside of ["0", "a"]) writeFileSync(join(archive, `${beside}-${name}`), other);
  }
  expect(await restore(archive, store)).toMatchObject({ code: 0, stderr: "" });
});

test("chunks are read where links lead, and what cannot be read is told and passed over", async () => {
  const { store, archive } = await service("linked");
  const links = `${archive}-links`;
  mkdirSync(links);
  for (const name of readdirSync(archive)) symlinkSync(join(archive, name), join(links, name));
  symlinkSync(archive, join(links, "folder"));
  symlinkSync(join(archive, "nothing"), join(links, "lost"));
  // More than a file may have that is read at once.
  const large = join(links, "backup.tar");
  writeFileSync(large, "");
  truncateSync(large, 3 * 2 ** 30);
  const ran = await restore(links, store);
  expect(ran.code).toBe(0);
  expect(ran.told).toEqual(
    expect.arrayContaining([
      expect.stringContaining(`${large}: `),
      expect.stringContaining(`${join(links, "folder")}: EISDIR`),
      expect.stringContaining(`${join(links, "lost")}: ENOENT`),
    ]),
  );
  expect(ran.told).toHaveLength(3);
});

test("a chain that is broken in what was kept is told", async () => {
  const { store, archive } = await service("broken");
  const database = new DatabaseSync(store);
  const newest = "(SELECT max(position) FROM millrace_chunk)";
  const chunk = `SELECT position, bytes FROM millrace_chunk WHERE position < ${newest}`;
  const { position, bytes } = database.prepare(`${chunk} ORDER BY position DESC`).get()!;
  const torn = new Uint8Array(bytes as Uint8Array);
  torn[70]! ^= 1;
  const update = "UPDATE millrace_chunk SET bytes = ? WHERE position = ?";
  database.prepare(update).run(torn, position!);
  database.close();
  const ran = await restore(archive, store);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain(`chunk_broken at position ${Number(position)}: The chunk at`);
});

test("a file that is not there is not made, and one without a log has none", async () => {
  const archive = file("empty", "");
  const gone = `${archive}.db`;
  expect(await restore(archive, gone)).toMatchObject({ code: 1, stdout: "" });
  expect(existsSync(gone)).toBe(false);
  expect((await restore(archive, file("other.db", ""))).told).toEqual([
    expect.stringContaining("ENOTDIR"),
  ]);
  mkdirSync(`${archive}-folder`);
  expect((await restore(`${archive}-folder`, file("other.db", ""))).told).toEqual([
    "storage_unavailable: The file holds no log.",
  ]);
});
