// What the network makes of the evening. Left alone it is one queue: messages wait in it for a
// while, and leave in the order in which things happened. Then it is hurt on purpose, and every
// line keeps the names of its hurts, so that the truth beside the recording can tell them.

import { HOUR, MINUTE, SECOND } from "./calendar.ts";
import { encode, type CityEvent } from "./event.ts";
import type { Evening } from "./evening.ts";
import { malformedLines } from "./malformed.ts";
import { Random } from "./random.ts";

export type Hurt =
  | "duplicate"
  | "out_of_order"
  | "late"
  | "very_late"
  | "clock_backwards"
  | "version_1.0"
  | "burst"
  | "silence"
  | `malformed:${string}`;

export interface Line {
  /** Bytes where the line is no valid UTF-8. */
  content: string | Uint8Array;
  receivedAt: number;
  /** Null where it is malformed: no event comes of it. */
  event: CityEvent | null;
  hurts: Hurt[];
}

const SHARE = { duplicate: 0.01, out_of_order: 0.03, late: 0.005, very_late: 0.001 };
const CLOCK_BACKWARDS_SHARE = 0.003;

/** The queue keeps nothing longer than this, so `out_of_order` stays below a minute in all. */
const LATENCY = { median: 180, sigma: 0.5, least: 40, most: 1200 };
const OUT_OF_ORDER = { least: 3 * SECOND, most: 58 * SECOND };
const LATE = { least: 61 * SECOND, most: 598 * SECOND };
const VERY_LATE = { least: 1.5 * HOUR, most: 4 * HOUR };
const STEP_BACK = { least: 200, most: 12 * SECOND };
/** A clock is wrong by seconds, so only a short step of an order can seem to run backwards. */
const SHORT_STEP = 90 * SECOND;

/** A sender without an answer tries again after 1, 2, 4 … seconds; a poll finds all of them. */
const RESENT_AFTER = [1, 3, 7, 15, 31, 63].map((seconds) => seconds * SECOND);
const POLLED_AFTER = 30 * SECOND;
const POLLED_SHARE = 0.15;
const RESENT_AGAIN_SHARE = 0.3;
const DUPLICATES_AFTER_HOURS = 4;

interface Delivery {
  event: CityEvent;
  receivedAt: number;
  hurts: Hurt[];
}

export function transmit(seed: number, evening: Evening): Line[] {
  const random = new Random(seed, "network");
  const deliveries = queue(evening.events, random);
  nameTheGiven(deliveries, evening);
  const victims = deliveries.filter((delivery) => canBeHurt(delivery, evening));
  turnClocksBack(deliveries, victims, random);
  delay(deliveries.length, victims, evening, random);
  const all = deliveries.concat(duplicates(deliveries.length, victims, evening, random));
  hold(all, evening);
  // Sorting is stable: of two received at once, what was sent first stays first.
  all.sort((a, b) => a.receivedAt - b.receivedAt);
  const lines = all.map((delivery) => ({
    ...delivery,
    content: encode(delivery.event, delivery.receivedAt),
  }));
  return withMalformed(lines, seed, evening);
}

function queue(events: readonly CityEvent[], random: Random): Delivery[] {
  let last = 0;
  return events.map((event) => {
    const { median, sigma, least, most } = LATENCY;
    const latency = Math.min(most, Math.max(least, random.logNormal(median, sigma)));
    last = Math.max(last, Math.round(event.eventTime + latency));
    return { event, receivedAt: last, hurts: [] };
  });
}

/** What is odd about these lines is the city's doing, not the network's. */
function nameTheGiven(deliveries: readonly Delivery[], { city }: Evening): void {
  const { restaurant, from, until } = city.burst;
  for (const { event, hurts } of deliveries) {
    if (event.eventType !== "order.created") continue;
    if (event.eventVersion === "1.0") hurts.push("version_1.0");
    const inBurst = event.eventTime >= from && event.eventTime < until;
    if (inBurst && event.data.restaurantId === restaurant.id) hurts.push("burst");
  }
}

/** Orders of the evening while the city is busy; what feeds tables comes as it was sent. */
function canBeHurt({ event, receivedAt }: Delivery, { city, times }: Evening): boolean {
  if (!("orderId" in event.data)) return false;
  const { restaurant, from, until } = city.silence;
  const isSilent =
    event.data.restaurantId === restaurant.id && receivedAt >= from && receivedAt < until;
  const isBusy =
    event.eventTime >= times.dinnerAt + 10 * MINUTE && event.eventTime < times.closesAt + HOUR / 2;
  return isBusy && !isSilent;
}

function turnClocksBack(
  deliveries: readonly Delivery[],
  victims: readonly Delivery[],
  random: Random,
): void {
  const newest = new Map<string, CityEvent>();
  const before = new Map<Delivery, CityEvent>();
  for (const delivery of deliveries) {
    const { correlationId, eventTime } = delivery.event;
    const previous = newest.get(correlationId);
    newest.set(correlationId, delivery.event);
    if (previous !== undefined && eventTime - previous.eventTime < SHORT_STEP) {
      before.set(delivery, previous);
    }
  }
  const able = victims.filter((delivery) => before.has(delivery));
  const orders = new Set<string>();
  let left = Math.round(CLOCK_BACKWARDS_SHARE * deliveries.length);
  for (const delivery of random.sample(able, able.length)) {
    const previous = before.get(delivery);
    // Twice in one order, and the second could stand after the first again.
    if (previous === undefined || orders.has(previous.correlationId)) continue;
    if (left-- === 0) break;
    orders.add(previous.correlationId);
    const back = random.between(STEP_BACK.least, STEP_BACK.most);
    const eventTime = Math.floor(previous.eventTime - back);
    delivery.event = { ...delivery.event, eventTime };
    delivery.hurts.push("clock_backwards");
  }
}

/** Each is hurt in one of the three ways only, and none whose clock runs backwards. */
function delay(
  total: number,
  victims: readonly Delivery[],
  { times }: Evening,
  random: Random,
): void {
  const able = victims.filter(({ hurts }) => !hurts.includes("clock_backwards"));
  const counts = [SHARE.out_of_order, SHARE.late, SHARE.very_late].map((share) =>
    Math.round(share * total),
  );
  const [outOfOrder = 0, late = 0, veryLate = 0] = counts;
  const drawn = random.sample(able, outOfOrder + late + veryLate);
  drawn.forEach((delivery, index) => {
    if (index < outOfOrder) {
      postpone(delivery, "out_of_order", random.between(OUT_OF_ORDER.least, OUT_OF_ORDER.most));
    } else if (index < outOfOrder + late) {
      postpone(delivery, "late", random.between(LATE.least, LATE.most));
    } else {
      postpone(delivery, "very_late", random.between(VERY_LATE.least, VERY_LATE.most));
      delivery.receivedAt = wakingTime(delivery.receivedAt, times, random);
    }
  });
}

function postpone(delivery: Delivery, hurt: Hurt, ms: number): void {
  delivery.receivedAt += Math.round(ms);
  delivery.hurts.push(hurt);
}

/** Whoever has not sent it an hour after closing time is switched off, and sends on Saturday. */
function wakingTime(
  at: number,
  { closesAt, morningAt, noonAt }: Evening["times"],
  random: Random,
): number {
  return at < closesAt + HOUR ? at : Math.round(random.between(morningAt, noonAt));
}

function duplicates(
  total: number,
  victims: readonly Delivery[],
  { times }: Evening,
  random: Random,
): Delivery[] {
  const wanted = Math.round(SHARE.duplicate * total);
  const copies: Delivery[] = [];
  for (const original of random.sample(victims, victims.length)) {
    if (copies.length >= wanted) break;
    const hurts: Hurt[] = ["duplicate"];
    if (original.hurts.includes("version_1.0")) hurts.push("version_1.0");
    const copy = (after: number): Delivery => {
      return { event: original.event, receivedAt: original.receivedAt + after, hurts: [...hurts] };
    };
    if (copies.length < DUPLICATES_AFTER_HOURS) {
      const again = copy(Math.round(random.between(VERY_LATE.least, VERY_LATE.most)));
      copies.push({ ...again, receivedAt: wakingTime(again.receivedAt, times, random) });
    } else if (random.chance(POLLED_SHARE)) {
      copies.push(copy(POLLED_AFTER + random.below(2 * SECOND)));
    } else {
      for (const after of RESENT_AFTER) {
        copies.push(copy(after + random.below(200)));
        if (copies.length >= wanted || !random.chance(RESENT_AGAIN_SHARE)) break;
      }
    }
  }
  return copies;
}

/** The silent feed: whatever should arrive meanwhile, arrives at its end. */
function hold(deliveries: readonly Delivery[], { city }: Evening): void {
  const { restaurant, from, until } = city.silence;
  const held = deliveries.filter(({ event, receivedAt }) => {
    if (!("restaurantId" in event.data) || receivedAt < from || receivedAt >= until) return false;
    return event.data.restaurantId === restaurant.id;
  });
  for (const delivery of held) {
    delivery.receivedAt = until;
    delivery.hurts.push("silence");
  }
}

/** Each stands behind an order that it resembles, and arrives with it. */
function withMalformed(lines: readonly Line[], seed: number, { times }: Evening): Line[] {
  const random = new Random(seed, "malformed");
  const able = lines.filter(({ event, hurts }) => {
    return (
      event?.eventType === "order.created" && hurts.length === 0 && event.eventTime < times.closesAt
    );
  });
  const behind = new Map<Line, Line>();
  const malformed = malformedLines(random);
  random.sample(able, malformed.length).forEach((carrier, index) => {
    const fault = malformed[index];
    if (fault === undefined || carrier.event === null) return;
    const content = fault.damage(carrier.event);
    const { receivedAt } = carrier;
    behind.set(carrier, { content, receivedAt, event: null, hurts: [`malformed:${fault.kind}`] });
  });
  return lines.flatMap((line) => {
    const broken = behind.get(line);
    return broken === undefined ? [line] : [line, broken];
  });
}
