// Tabs of one log: one of them has it open and the others follow; when it ends, closed or crashed,
// the next takes over within two seconds. Nothing acknowledged is lost, whoever acknowledged it.

import { readFile } from "node:fs/promises";
import type { Page } from "playwright";
import { describe, expect, test } from "vitest";
import { BUILD } from "../../engine/browser/protocol.ts";
import { FULL, measured } from "../measured.ts";
import { crash, hang, PLAIN_PAGE, PLAIN_SCRIPT } from "./pages.ts";
import { ordersOf, PLAN, QUERY, WIDER_PLAN } from "./sample.ts";
import { Visit } from "./visit.ts";

/** Asked of the full run; a sample beside other tests is only not to hang. */
const TAKEOVER_MS_MAX = FULL ? 2_000 : 20_000;
const KILLS = FULL ? 100 : 10;

const visit = Visit.perTest();

type Mode = "worker" | "follower";

/** A tab that is connected to `log` and subscribed, its connection and what it was told at hand. */
async function tab(plan: unknown = PLAN, deadlineMs = 30_000): Promise<Page> {
  const page = await visit.tab();
  await page.evaluate(
    async ({ plan, query, deadlineMs }) => {
      globalThis.told = [];
      globalThis.faults = [];
      globalThis.connection = await connect({
        plan,
        name: "log",
        deadlineMs,
        onFault: (fault) => globalThis.faults.push((fault as { code?: string }).code!),
      });
      connection.subscribe(query, (changes) => globalThis.told.push(...changes));
    },
    { plan, query: QUERY, deadlineMs },
  );
  return page;
}

function push(page: Page, from: number, count: number): Promise<{ position: number }> {
  return page.evaluate((lines) => connection.push(lines), ordersOf(from, count));
}

const modeOf = (page: Page): Promise<string> =>
  page.evaluate(async () => (await connection.stats()).mode);

const positionOf = (page: Page): Promise<number> =>
  page.evaluate(async () => (await connection.stats()).position);

const rowsOf = (page: Page): Promise<unknown[]> =>
  page.evaluate((query) => connection.view(query).rows(), QUERY);

const toldOf = (page: Page): Promise<Change[]> => page.evaluate(() => globalThis.told);

const locksOf = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const { held } = await navigator.locks.query();
    return held!.filter(({ name }) => name === "millrace:log").length;
  });

describe("Tabs of one log", () => {
  test("have one writer; a follower has the same verbs, rows and changes", async () => {
    const [leader, follower] = [await tab(), await tab()];
    expect(await Promise.all([modeOf(leader), modeOf(follower)])).toEqual(["worker", "follower"]);
    expect((await push(leader, 0, 10)).position).toBe(10);
    expect((await push(follower, 10, 10)).position).toBe(20);
    expect(await push(follower, 0, 20)).toMatchObject({ duplicate: 20, position: 20 });
    expect(await rowsOf(follower)).toEqual(await rowsOf(leader));
    await expect.poll(async () => (await toldOf(follower)).length).toBe(6);
    expect(await toldOf(follower)).toEqual(await toldOf(leader));
    const log = (page: Page): Promise<string> =>
      page.evaluate(async () => {
        let text = "";
        for await (const chunk of connection.log({ from: 12 })) text += chunk;
        return text;
      });
    expect(await log(follower)).toBe(await log(leader));
    expect(await locksOf(leader)).toBe(1);
    // What a listener hears is its own; one that has left hears nothing.
    const late = await follower.evaluate(async () => {
      const { code } = await connection.push([{}]).then(({ invalid }) => invalid[0]!);
      return { code, refused: (await connection.refused()).at(-1)!.code };
    });
    expect(late).toEqual({ code: "missing_field", refused: "missing_field" });
  });

  test.each(["closes", "crashes", "connection ends"] as const)(
    "take over when the leader's %s, and lose nothing",
    async (end) => {
      const [leader, ...followers] = [await tab(), await tab(), await tab()];
      await push(leader!, 0, 10);
      await push(followers[0]!, 10, 10);
      const rows = await rowsOf(followers[1]!);
      if (end === "crashes") await crash(leader!);
      else if (end === "closes") await leader!.close();
      else await leader!.evaluate(() => connection.close());
      const begun = performance.now();
      const positions = await Promise.all(followers.map(positionOf));
      const takeoverMs = performance.now() - begun;
      measured(`takeover when the leader ${end}`, Math.round(takeoverMs), "ms");
      expect(positions).toEqual([20, 20]);
      expect(takeoverMs).toBeLessThan(TAKEOVER_MS_MAX);
      expect((await Promise.all(followers.map(modeOf))).toSorted()).toEqual(["follower", "worker"]);
      expect(await rowsOf(followers[1]!)).toEqual(rows);
      await push(followers[1]!, 20, 5);
      // Each was told every change once, three keys a push, over the change of leader too.
      for (const follower of followers) {
        const places = async (): Promise<number[]> =>
          (await toldOf(follower)).map(({ position }) => position).toSorted((a, b) => a - b);
        await expect.poll(places).toEqual([7, 8, 9, 17, 18, 19, 22, 23, 24]);
      }
    },
  );
});

describe("A follower", () => {
  test("is told by the next leader what the last one wrote and told nobody", async () => {
    const [leader, follower] = [await tab(), await tab()];
    await push(leader, 0, 3);
    const places = async (): Promise<number[]> =>
      (await toldOf(follower)).map(({ position }) => position);
    await expect.poll(places).toEqual([0, 1, 2]);
    await leader.workers()[0]!.evaluate(() => {
      const postMessage = Reflect.get(BroadcastChannel.prototype, "postMessage") as (
        this: BroadcastChannel,
        message: unknown,
      ) => void;
      BroadcastChannel.prototype.postMessage = function (
        this: BroadcastChannel,
        message: { kind: string },
      ) {
        if (message.kind !== "told" && message.kind !== "applied") postMessage.call(this, message);
      };
    });
    await push(leader, 3, 3);
    expect(await places()).toEqual([0, 1, 2]);
    await crash(leader);
    await expect.poll(places).toEqual([0, 1, 2, 3, 4, 5]);
    await push(follower, 6, 3);
    await expect.poll(places).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe("A view that a tab follows", () => {
  test("has the leader's rows, over its end too, and tells what is different only", async () => {
    const [leader, follower] = [await tab(), await tab()];
    await push(leader, 0, 5);
    for (const page of [leader, follower]) {
      await page.evaluate((query) => {
        const deltas: number[] = [];
        const stop = connection.onRows(query, ({ upserts, removals }) => {
          deltas.push(upserts.length + removals.length);
        });
        globalThis.followed = { deltas, stop, rows: () => connection.rows(query) };
      }, QUERY);
    }
    const followedBy = (page: Page): Promise<{ rows: readonly unknown[]; deltas: number[] }> =>
      page.evaluate(() => ({ rows: followed.rows(), deltas: followed.deltas }));
    for (const page of [leader, follower]) {
      await expect.poll(() => followedBy(page)).toEqual({ rows: await rowsOf(page), deltas: [3] });
    }
    await push(leader, 5, 1);
    const rows = await rowsOf(leader);
    for (const page of [leader, follower]) {
      await expect.poll(() => followedBy(page)).toEqual({ rows, deltas: [3, 1] });
    }
    await crash(leader);
    await expect.poll(() => followedBy(follower)).toEqual({ rows, deltas: [3, 1, 0] });
    await push(follower, 6, 1);
    const after = { rows: await rowsOf(follower), deltas: [3, 1, 0, 1] };
    await expect.poll(() => followedBy(follower)).toEqual(after);
    await follower.evaluate(() => followed.stop());
    await push(follower, 7, 1);
    expect(await followedBy(follower)).toEqual({ rows: [], deltas: after.deltas });
  });
});

describe("A push under way when the leader dies", () => {
  test(
    `is sent again and none is lost: ${KILLS} renderers killed`,
    async () => {
      let pages = [await tab(), await tab(), await tab()];
      // Every tab but the first pushes on and on; the leader is killed in the middle.
      let number = 0;
      const acknowledged = new Map<Page, number>();
      const tookMs: number[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        const leader = await leaderOf(pages);
        const [pusher] = pages.filter((page) => page !== leader);
        const from = number;
        const pushing = pusher!.evaluate(
          async ({ lines, many }) => {
            let accepted = 0;
            for (let at = 0; at < many; at++) {
              const receipt = await connection.push(lines.slice(at * 20, at * 20 + 20).join("\n"));
              accepted += receipt.accepted + receipt.duplicate;
            }
            return accepted;
          },
          { lines: ordersOf(from, 20 * 30).split("\n"), many: 30 },
        );
        number += 20 * 30;
        await new Promise((resolve) => setTimeout(resolve, 5 + ((kill * 7) % 40)));
        await crash(leader);
        const begun = performance.now();
        const others = pages.filter((page) => page !== leader);
        expect(await positionOf(others[1]!)).toBeGreaterThanOrEqual(from);
        tookMs.push(performance.now() - begun);
        expect(await pushing).toBe(20 * 30);
        acknowledged.set(pusher!, number);
        for (const other of others) expect(await positionOf(other)).toBe(number);
        await leader.close();
        pages = [...others, await tab()];
      }
      const slowest = Math.max(...tookMs);
      measured(
        `takeover after a killed renderer, the slowest of ${KILLS}`,
        Math.round(slowest),
        "ms",
      );
      expect(slowest).toBeLessThan(TAKEOVER_MS_MAX);
      const [page] = pages;
      await expectToldInFull(page!);
      const told = await page!.evaluate(async () => {
        const ids = new Set<string>();
        let lines = 0;
        for await (const chunk of connection.log()) {
          for (const line of chunk.trimEnd().split("\n").slice(1)) {
            ids.add((JSON.parse(line) as { eventId: string }).eventId);
            lines++;
          }
        }
        return { ids: ids.size, lines };
      });
      expect(told).toEqual({ ids: number, lines: number });
    },
    FULL ? 600_000 : 90_000,
  );
});

/** No change of any leader was told twice, and the last of each row says what the row says. */
async function expectToldInFull(page: Page): Promise<void> {
  const rows = (await page.evaluate((query) => connection.view(query).rows(), QUERY)).map(nameOf);
  const told = async (): Promise<string[]> => (await toldOf(page)).map(nameOf);
  await expect.poll(async () => (await told()).includes(rows.at(-1)!)).toBe(true);
  const names = await told();
  expect(names.length).toBe(new Set(names).size);
  expect(names).toEqual(expect.arrayContaining(rows.slice(-3)));
}

function nameOf({ key, window, revision }: Pick<Change, "key" | "window" | "revision">): string {
  return JSON.stringify([key, window.start, revision]);
}

async function leaderOf(pages: readonly Page[]): Promise<Page> {
  const modes = await Promise.all(pages.map(modeOf));
  expect(modes.filter((mode) => mode === "worker").length).toBe(1);
  return pages[modes.indexOf("worker" satisfies Mode)]!;
}

describe("A page with a newer plan", () => {
  test("is handed the log; the older one pushes on and is told to reload", async () => {
    const older = await tab();
    await push(older, 0, 10);
    const newer = await tab(WIDER_PLAN);
    expect(await modeOf(newer)).toBe("worker");
    expect(await newer.evaluate(async () => (await connection.view("all").rows()).length)).toBe(1);
    // The log means the same under both plans; rows do not.
    expect((await push(older, 10, 10)).position).toBe(20);
    expect(await codeOf(older)).toBe("replaced");
    await expect.poll(() => older.evaluate(() => globalThis.faults)).toEqual(["replaced"]);
    expect(await positionOf(newer)).toBe(20);
    // An older page that comes late does not take it back.
    await newer.close();
    await expect.poll(() => codeOf(older)).toBe("answered");
    expect((await rowsOf(older)).length).toBe(3);
    expect(await positionOf(older)).toBe(20);
  });

  test("that was there before leaves the log to the later page", async () => {
    const first = await visit.tab();
    const second = await tab(WIDER_PLAN);
    await push(second, 0, 3);
    const found = await first.evaluate(
      async ({ plan, query }) => {
        const connection = await connect({ plan, name: "log" });
        const code = await connection
          .view(query)
          .rows()
          .then(
            () => "answered",
            (error: { code?: string }) => error.code,
          );
        return { code, held: (await connection.quarantine()).length };
      },
      { plan: PLAN, query: QUERY },
    );
    expect(found).toEqual({ code: "replaced", held: 0 });
    expect(await modeOf(second)).toBe("worker");
  });

  test("or of a newer build, is handed the log; the older page calls it no more", async () => {
    for (const name of ["index", "worker"]) {
      const file = new URL(`../../dist/browser/${name}.js`, import.meta.url);
      const body = (await readFile(file, "utf8")).replaceAll(BUILD, "99.0.0");
      visit.site.answers.set(`/newer/${name}.js`, { body });
    }
    visit.site.answers.set("/newer/page.js", {
      body: PLAIN_SCRIPT.replace("/dist/browser/", "/newer/"),
    });
    visit.site.answers.set("/newer/page.html", {
      body: PLAIN_PAGE.replace("/page.js", "/newer/page.js"),
    });
    const older = await tab();
    await push(older, 0, 10);
    const newer = await visit.tab("/newer/page.html");
    const found = await newer.evaluate(
      async ({ plan }) => {
        const { mode, position } = await (await connect({ plan, name: "log" })).stats();
        return { mode, position };
      },
      { plan: PLAN },
    );
    expect(found).toEqual({ mode: "worker", position: 10 });
    expect(await codeOf(older)).toBe("replaced");
    const pushed = await older.evaluate(
      (line) =>
        connection.push(line).then(
          () => "answered",
          (error: { code?: string }) => error.code,
        ),
      ordersOf(10, 1),
    );
    expect(pushed).toBe("replaced");
    await newer.close();
    await expect.poll(() => codeOf(older)).toBe("answered");
    expect((await push(older, 10, 1)).position).toBe(11);
  });

  async function codeOf(page: Page): Promise<string | undefined> {
    return page.evaluate(
      (query) =>
        connection
          .view(query)
          .rows()
          .then(
            () => "answered",
            (error: { code?: string }) => error.code,
          ),
      QUERY,
    );
  }
});

describe("A leader that hangs", () => {
  test("fails its followers' calls after their deadline", async () => {
    await tab();
    const follower = await tab(PLAN, 3_000);
    const [leader] = visit.context.pages();
    await hang(leader!);
    const code = await follower.evaluate(() =>
      connection.stats().then(
        () => "answered",
        (error: { code?: string }) => error.code,
      ),
    );
    expect(code).toBe("worker_gone");
  });
});
