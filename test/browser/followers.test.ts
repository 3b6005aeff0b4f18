// Followers in bad moments: what a subscription of one tab hears of a log that another tab has, when
// that tab ends, is slow to be asked, or cannot tell what it is asked for.

import type { Page } from "playwright";
import { expect, test } from "vitest";
import { FULL } from "../measured.ts";
import { crash, hang, PLAIN_PAGE } from "./pages.ts";
import { ordersOf, PLAN, QUERY, WIDER_PLAN } from "./sample.ts";
import { Visit } from "./visit.ts";

/** Asked of the full run, as in tabs.test.ts. */
const TAKEOVER_MS_MAX = FULL ? 2_000 : 20_000;

const visit = Visit.perTest();

async function tab(path?: string): Promise<Page> {
  const page = await visit.tab(path);
  await page.evaluate(async (plan) => {
    globalThis.told = [];
    globalThis.faults = [];
    globalThis.connection = await connect({
      plan,
      name: "log",
      onFault: (fault) => globalThis.faults.push((fault as { code?: string }).code!),
    });
  }, PLAN);
  return page;
}

function subscribe(page: Page, from: "now" | "snapshot" | number = "now"): Promise<void> {
  return page.evaluate(
    ({ query, from }) => {
      connection.subscribe(query, (changes) => globalThis.told.push(...changes), { from });
    },
    { query: QUERY, from },
  );
}

/** Notes `caught up` among the faults. */
function subscribeFrom(page: Page, from: number): Promise<void> {
  return page.evaluate(
    ({ query, from }) => {
      connection.subscribe(query, (changes) => globalThis.told.push(...changes), {
        from,
        onCaughtUp: () => globalThis.faults.push("caught up"),
      });
    },
    { query: QUERY, from },
  );
}

function push(page: Page, from: number, count: number): Promise<{ position: number }> {
  return page.evaluate((lines) => connection.push(lines), ordersOf(from, count));
}

const placesOf = async (page: Page): Promise<number[]> =>
  (await page.evaluate(() => globalThis.told)).map(({ position }) => position);

const faultsOf = (page: Page): Promise<string[]> => page.evaluate(() => globalThis.faults);

const modeOf = (page: Page): Promise<string> =>
  page.evaluate(async () => (await connection.stats()).mode);

test("a push that the next leader takes before a slow tab has asked it is told there, too", async () => {
  const [leader, next, slow] = [await tab(), await tab(), await tab()];
  for (const page of [next, slow]) await subscribe(page);
  await push(leader, 0, 3);
  await expect.poll(() => placesOf(slow)).toEqual([0, 1, 2]);
  await slow.workers()[0]!.evaluate(() => {
    const postMessage = Reflect.get(BroadcastChannel.prototype, "postMessage") as (
      this: BroadcastChannel,
      message: unknown,
    ) => void;
    BroadcastChannel.prototype.postMessage = function (this: BroadcastChannel, message: unknown) {
      setTimeout(() => postMessage.call(this, message), 500);
    };
  });
  await crash(leader);
  expect(await modeOf(next)).toBe("worker");
  await push(next, 3, 3);
  await expect.poll(() => placesOf(next)).toEqual([0, 1, 2, 3, 4, 5]);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await push(next, 6, 3);
  const all = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  await expect.poll(() => placesOf(slow)).toEqual(all);
});

test("a view that is asked of a leader that dies is told by the next", async () => {
  const [leader, follower] = [await tab(), await tab()];
  await push(leader, 0, 3);
  await hang(leader);
  await subscribe(follower, "snapshot");
  await new Promise((resolve) => setTimeout(resolve, 300));
  await crash(leader);
  expect(await modeOf(follower)).toBe("worker");
  await expect.poll(() => placesOf(follower)).toEqual([2, 2, 2]);
});

test("a follower's subscription is caught up once, whoever leads", async () => {
  const [leader, follower] = [await tab(), await tab()];
  await push(leader, 0, 5);
  await subscribeFrom(follower, 0);
  await expect.poll(() => faultsOf(follower)).toEqual(["caught up"]);
  const told = await placesOf(follower);
  expect(told.length).toBeGreaterThan(0);
  await leader.close();
  await push(follower, 5, 1);
  await expect.poll(() => placesOf(follower)).toEqual([...told, 5]);
  expect([await modeOf(follower), await faultsOf(follower)]).toEqual(["worker", ["caught up"]]);
});

test.each([
  ["main", "main"],
  ["main", "worker"],
  ["worker", "main"],
])("a leader in mode %s that is killed is followed by one in mode %s", async (first, second) => {
  const headers = { "content-security-policy": "worker-src 'none'" };
  visit.site.answers.set("/main.html", { body: PLAIN_PAGE, headers });
  const open = (mode: string): Promise<Page> => tab(mode === "main" ? "/main.html" : undefined);
  const [leader, follower] = [await open(first), await open(second)];
  await subscribe(follower);
  expect([await modeOf(leader), await modeOf(follower)]).toEqual([first, "follower"]);
  await push(leader, 0, 3);
  await crash(leader);
  const begun = performance.now();
  expect(await push(follower, 3, 3)).toMatchObject({ position: 6 });
  expect(performance.now() - begun).toBeLessThan(TAKEOVER_MS_MAX);
  expect(await modeOf(follower)).toBe(second);
  await expect.poll(() => placesOf(follower)).toEqual([0, 1, 2, 3, 4, 5]);
});

test.each(["worker", "main"])(
  "tabs that are gone cost the leader nothing, in mode %s",
  async (mode) => {
    const headers = { "content-security-policy": "worker-src 'none'" };
    visit.site.answers.set("/main.html", { body: PLAIN_PAGE, headers });
    const leader = await tab();
    const follower = await tab(mode === "main" ? "/main.html" : undefined);
    await subscribe(follower);
    for (let visits = 0; visits < 5; visits++) {
      await follower.reload();
      await follower.waitForFunction(() => "connect" in globalThis);
      await follower.evaluate(async (plan) => {
        globalThis.told = [];
        globalThis.connection = await connect({ plan, name: "log" });
      }, PLAN);
      await subscribe(follower);
      expect(await modeOf(follower)).toBe("follower");
    }
    const listener = await visit.context.newPage();
    await listener.goto(`${visit.site.url}/page.html`);
    await listener.evaluate(() => {
      const heard: string[] = [];
      Object.assign(globalThis, { heard });
      new BroadcastChannel("millrace:log").addEventListener("message", ({ data }) =>
        heard.push((data as { kind: string }).kind),
      );
    });
    await push(leader, 0, 3);
    await expect.poll(() => placesOf(follower)).toEqual([0, 1, 2]);
    const heard = await listener.evaluate(() => Reflect.get(globalThis, "heard") as string[]);
    expect(heard.filter((kind) => kind === "told")).toHaveLength(1);
  },
);

test("a leader in a page that closes while it hands over writes nothing behind the next", async () => {
  const headers = { "content-security-policy": "worker-src 'none'" };
  visit.site.answers.set("/main.html", { body: PLAIN_PAGE, headers });
  const leader = await tab("/main.html");
  expect(await modeOf(leader)).toBe("main");
  await subscribe(leader);
  const follower = await tab();
  // Each chunk waits for the digest of the one before it.
  await leader.evaluate(() => {
    const digest = crypto.subtle.digest.bind(crypto.subtle);
    crypto.subtle.digest = async (...words) => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      return digest(...words);
    };
  });
  await follower.evaluate(
    (pushes) => pushes.forEach((lines) => void connection.push(lines)),
    Array.from({ length: 10 }, (_, index) => ordersOf(index * 3, 3)),
  );
  await expect.poll(async () => (await placesOf(leader)).length).toBeGreaterThan(0);
  await crash(follower);
  const newer = await visit.tab();
  const connecting = newer.evaluate(async (plan) => {
    globalThis.connection = await connect({ plan, name: "log" });
  }, WIDER_PLAN);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await leader.evaluate(() => connection.close());
  await connecting;
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (let number = 30; number < 40; number++) await push(newer, number, 1);
  const found = await newer.evaluate(async () => {
    const { position } = await connection.stats();
    return { position, verified: await connection.verify() };
  });
  expect(found).toEqual({ position: 40, verified: { ok: true } });
});

test("a tab that could not open the log when it was its turn connects again with a new host", async () => {
  const [leader, follower] = [await tab(), await tab()];
  await push(leader, 0, 3);
  await subscribe(follower);
  await follower.workers()[0]!.evaluate(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("not now", "UnknownError");
    };
  });
  await leader.close();
  await expect.poll(() => faultsOf(follower)).toEqual(["storage_unavailable"]);
  // Who subscribes to it after that is not left to wait.
  await subscribe(follower);
  await expect
    .poll(() => faultsOf(follower))
    .toEqual(["storage_unavailable", "storage_unavailable"]);
  const again = await follower.evaluate(async (plan) => {
    const connection = await connect({ plan, name: "log" });
    return (await connection.stats()).position;
  }, PLAN);
  expect(again).toBe(3);
});

test("who was to lead, and had to leave it to a newer tab that went, follows the old one again", async () => {
  const [leader, next] = [await tab(), await tab()];
  await subscribe(next);
  await push(leader, 0, 3);
  await expect.poll(() => placesOf(next)).toEqual([0, 1, 2]);
  // It takes its time to open the log.
  await next.workers()[0]!.evaluate(() => {
    const compile = WebAssembly.compile.bind(WebAssembly);
    WebAssembly.compile = async (bytes) => {
      await new Promise<void>((resolve) => {
        new BroadcastChannel("go on").addEventListener("message", () => resolve());
      });
      return compile(bytes);
    };
  });
  const newer = [await visit.tab(), await visit.tab()];
  const connecting = (page: Page): Promise<unknown> =>
    page.evaluate((plan) => void connect({ plan, name: "log" }), WIDER_PLAN);
  // The first ends the leader, so that it is the turn of the next; the second asks that one.
  const holderOf = async (page: Page): Promise<unknown> =>
    page.evaluate(async () => {
      const { held, pending } = await navigator.locks.query();
      const isLog = ({ name }: LockInfo): boolean => name === "millrace:log";
      return [held!.find(isLog)?.clientId, pending!.filter(isLog).length];
    });
  const [first] = (await holderOf(leader)) as [string];
  await connecting(newer[0]!);
  await expect.poll(async () => ((await holderOf(leader)) as [string])[0]).not.toBe(first);
  await connecting(newer[1]!);
  await expect.poll(async () => ((await holderOf(leader)) as [string, number])[1]).toBe(3);
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const page of newer) await page.close();
  const asked = push(next, 3, 1);
  await leader.evaluate(() => new BroadcastChannel("go on").postMessage(null));
  await expect.poll(() => modeOf(leader)).toBe("worker");
  expect(await asked).toMatchObject({ position: 4 });
  await push(leader, 4, 1);
  await expect.poll(() => placesOf(next)).toEqual([0, 1, 2, 3, 4]);
  expect(await modeOf(next)).toBe("follower");
});

test("a subscription whose past cannot be read ends by a fault, here and in another tab", async () => {
  const [leader, follower] = [await tab(), await tab()];
  await push(leader, 0, 3);
  await push(leader, 3, 3);
  await leader.evaluate(async () => {
    const done = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve) => request.addEventListener("success", () => resolve(request.result)));
    const db = await done(indexedDB.open("millrace:log"));
    const chunks = db.transaction("chunks", "readwrite").objectStore("chunks");
    const chunk = new Uint8Array((await done(chunks.get(0))) as ArrayBuffer);
    chunk[chunk.length - 5]! ^= 1;
    await done(chunks.put(chunk.buffer, 0));
    db.close();
  });
  for (const page of [leader, follower]) {
    await subscribe(page, 0);
    await expect.poll(() => faultsOf(page)).toEqual(["chunk_broken"]);
  }
  // The others go on.
  await subscribe(follower);
  await push(leader, 6, 3);
  await expect.poll(() => placesOf(follower)).toEqual([6, 7, 8]);
  expect(await placesOf(leader)).toEqual([]);
});
