// What every outbox does, wherever it keeps its facts.

import { describe, expect, test } from "vitest";
import type { Outbox } from "../../engine/publish/index.ts";

export interface Place {
  /** Another outbox on the same facts; the one before is closed where only one can be open. */
  open(): Outbox;
}

/** Runs `body` on a place of its own, and cleans up. */
type InPlace = (body: (place: Place) => Promise<void>) => Promise<void>;

async function linesOf(outbox: Outbox, after = 0, count = 1000): Promise<string[]> {
  return (await outbox.read(after, count)).map(({ line }) => line);
}

export function outboxContract(name: string, isDurable: boolean, inPlace: InPlace): void {
  describe(`The outbox: ${name}`, () => {
    const withOutbox = (body: (outbox: Outbox, place: Place) => Promise<void>): Promise<void> =>
      inPlace(async (place) => await body(place.open(), place));

    test("begins empty", () =>
      withOutbox(async (outbox) => {
        expect(await outbox.count()).toBe(0);
        expect(await outbox.read(0, 10)).toEqual([]);
        expect(await outbox.backOff()).toBeNull();
      }));

    test("reads what was appended, in order, in pages", () =>
      withOutbox(async (outbox) => {
        await outbox.append(["a", "b"]);
        await outbox.append([]);
        await outbox.append(["c", '{"é":"\\ud800 😀"}']);
        expect(await linesOf(outbox)).toEqual(["a", "b", "c", '{"é":"\\ud800 😀"}']);
        const page = await outbox.read(0, 2);
        expect(page.map(({ line }) => line)).toEqual(["a", "b"]);
        expect(await linesOf(outbox, page[1]!.number, 1)).toEqual(["c"]);
        expect(await outbox.count()).toBe(4);
      }));

    test("forgets by number, and never uses a number again", () =>
      withOutbox(async (outbox) => {
        await outbox.append(["a", "b", "c"]);
        const facts = await outbox.read(0, 3);
        await outbox.settle([facts[0]!.number, facts[2]!.number], null);
        expect(await linesOf(outbox)).toEqual(["b"]);
        await outbox.settle([facts[0]!.number, facts[1]!.number], null);
        expect(await outbox.count()).toBe(0);
        await outbox.append(["d"]);
        const [last] = await outbox.read(facts[2]!.number, 1);
        expect(last?.line).toBe("d");
      }));

    test("keeps one back-off, the last", () =>
      withOutbox(async (outbox) => {
        const backOff = { attempts: 3, fromMs: 1_710_530_700_000, untilMs: 1_710_530_701_234 };
        await outbox.settle([], { attempts: 1, fromMs: 1, untilMs: 2 });
        await outbox.settle([], backOff);
        expect(await outbox.backOff()).toEqual(backOff);
        await outbox.settle([], null);
        expect(await outbox.backOff()).toBeNull();
      }));

    if (isDurable) {
      test("has it all when it is opened again", () =>
        withOutbox(async (outbox, place) => {
          const backOff = { attempts: 1, fromMs: 5, untilMs: 6 };
          await outbox.append(["a", "b"]);
          const [first] = await outbox.read(0, 1);
          await outbox.settle([first!.number], backOff);
          await outbox.close();
          const again = place.open();
          expect(await linesOf(again)).toEqual(["b"]);
          expect(await again.backOff()).toEqual(backOff);
          await again.append(["c"]);
          expect(await linesOf(again)).toEqual(["b", "c"]);
        }));
    }

    test("works again after it was closed", () =>
      withOutbox(async (outbox) => {
        await outbox.append(["a"]);
        await outbox.close();
        expect(await linesOf(outbox)).toEqual(["a"]);
      }));
  });
}
