// One order's life as a set of times: what the kitchen does, what the courier does, how it ends.
// Two regions that meet once, when the food is handed over. The medians and sigmas are those of
// real evenings; kitchen and courier are correlated, because dispatchers hold back a driver whose
// order is not ready. Which driver comes is decided in dispatch.ts.

import { MINUTE, SECOND } from "./calendar.ts";
import { factAt, type Restaurant } from "./city.ts";
import { pence, type Wish } from "./demand.ts";
import { rfc3339, Thread, type Party, type Stage } from "./event.ts";
import { Random } from "./random.ts";

const ACCEPT_LIMIT = 11.5 * MINUTE;
const ACCEPTANCE = { median: 0.9 * MINUTE, sigma: 0.85 };
/** With the slower scheduled fifth beside it, the whole is log-normal (15, 0.54) and its tails. */
const PREPARATION_ASAP = { median: 13.2 * MINUTE, sigma: 0.5 };
const BURST_SLOWDOWN = 1.4;
const ASSIGNMENT = { median: 5.3 * MINUTE, sigma: 0.62 };
const TO_RESTAURANT = { median: 12.4 * MINUTE, sigma: 0.62 };
const TO_CUSTOMER = { median: 22.7 * MINUTE, sigma: 0.4 };
const LEAST_DRIVE = 4 * MINUTE;
const TRIES = 40;

const SCHEDULED_SHARE = 0.2;
const REJECTED_SHARE = 0.02;
const TIMED_OUT_SHARE = 0.008;
const CANCELLED_SHARE = 0.03;
/** Called off in the minute in which it is handed over: both facts are sent, and contradict. */
const CROSSED_SHARE = 0.001;
const DELAYED_SHARE_OF_LATE = 0.5;
const ADJUSTED_SHARE = 0.015;
const REFUNDED_SHARE = 0.027;
const RATED_SHARE = 0.2;
const REPORTED_ARRIVAL_SHARE = 0.75;

export interface Attempt {
  at: number;
  until: number;
  outcome: "kept" | "declined" | "unassigned";
  /** Empty until dispatch.ts has chosen. */
  driverId: string;
}

export interface Kitchen {
  acceptedAt: number;
  promisedReadyAt: number;
  preparingAt: number;
  delayedAt: number | null;
  readyAt: number;
}

export interface Courier {
  attempts: Attempt[];
  arrivedAt: number;
  arrivalReported: boolean;
  pickedUpAt: number;
  atCustomerAt: number;
  deliveredAt: number;
}

export type Fate =
  | { kind: "delivered" }
  | { kind: "rejected" }
  | { kind: "timed_out"; at: number }
  | { kind: "cancelled"; at: number; causedBy: Party; stage: Stage; crossed: boolean };

export interface Order {
  id: string;
  thread: Thread;
  wish: Wish;
  zoneId: string;
  version: "1.0" | "2.0";
  totalPence: number;
  requestedFor: number | null;
  promisedAt: number;
  acceptBy: number;
  kitchen: Kitchen;
  courier: Courier;
  fate: Fate;
  adjusted: { at: number; deltaPence: number } | null;
  refund: { at: number; pence: number } | null;
  rating: { at: number; stars: number } | null;
  /** What is left to decide in writing it down: reasons, proofs, channels. */
  random: Random;
}

export function liveOrder(seed: number, number: number, wish: Wish): Order {
  const id = orderId(wish.at, number);
  const random = new Random(seed, `order/${id}`);
  const placedAt = wish.at;
  const requestedFor = random.chance(SCHEDULED_SHARE) ? slotAfter(placedAt, random) : null;
  const pace = random.normal();
  const kitchen = cook(wish, requestedFor, pace, random);
  const courier = carry(placedAt, requestedFor, kitchen, pace, random);
  const fate = endOf(placedAt, kitchen, courier, random);
  const promiseMinutes = Math.round(58 + 6 * random.normal());
  const totalPence = pence(wish.basket);
  const deltaPence = -Math.round(totalPence * random.between(0.05, 0.3));
  const adjustedAt = between(kitchen.acceptedAt, kitchen.readyAt, random);
  const adjusted = random.chance(ADJUSTED_SHARE) ? { at: adjustedAt, deltaPence } : null;
  const delivered = fate.kind === "delivered";
  return {
    id,
    thread: new Thread(placedAt, random),
    wish,
    zoneId: factAt(wish.restaurant.facts, placedAt).zoneId,
    version: versionAt(wish.restaurant, placedAt, random),
    totalPence,
    requestedFor,
    promisedAt:
      requestedFor === null ? placedAt + promiseMinutes * MINUTE : requestedFor + 10 * MINUTE,
    acceptBy: placedAt + ACCEPT_LIMIT,
    kitchen,
    courier,
    fate,
    adjusted,
    refund:
      delivered && random.chance(REFUNDED_SHARE) ? refundOf(courier, totalPence, random) : null,
    rating: delivered && random.chance(RATED_SHARE) ? ratingOf(courier, random) : null,
    random,
  };
}

/** When the order no longer needs anybody: the driver is free again. */
export function closedAt({ fate, courier }: Order): number {
  if (fate.kind === "cancelled" && !fate.crossed) return Math.min(fate.at, courier.deliveredAt);
  return courier.deliveredAt;
}

/** Five scrambled hexadecimal digits, so that the last four tell orders of one hour apart. */
function orderId(placedAt: number, number: number): string {
  const digits = ((number * 0x9e3b5 + 0x7f3a) % 0x100000).toString(16).toUpperCase();
  return `ORD-${rfc3339(placedAt).slice(0, 10).replaceAll("-", "")}${digits.padStart(5, "0")}`;
}

function versionAt({ till }: Restaurant, at: number, random: Random): "1.0" | "2.0" {
  if (till.kind === "old") return "1.0";
  if (till.kind === "upgraded") return at < till.at ? "1.0" : "2.0";
  return till.kind === "pair" && random.chance(0.5) ? "1.0" : "2.0";
}

/** A quarter of an hour on the clock, at least 32 minutes away and seldom much more. */
function slotAfter(placedAt: number, random: Random): number {
  const wanted = placedAt + 32 * MINUTE + random.exponential(10 * MINUTE);
  return Math.ceil(wanted / (15 * MINUTE)) * 15 * MINUTE;
}

function cook(wish: Wish, requestedFor: number | null, pace: number, random: Random): Kitchen {
  const thinking = random.logNormal(ACCEPTANCE.median, ACCEPTANCE.sigma);
  const acceptedAt = Math.round(wish.at + clamp(thinking, 5 * SECOND, ACCEPT_LIMIT - 20 * SECOND));
  const { median, sigma } = PREPARATION_ASAP;
  const slowdown = wish.burst ? BURST_SLOWDOWN : 1;
  const prepared =
    requestedFor === null
      ? acceptedAt + slowdown * median * Math.exp(sigma * pace)
      : requestedFor - 20 * MINUTE + 4 * MINUTE * pace;
  const readyAt = Math.round(Math.max(prepared, acceptedAt + 2.5 * MINUTE));
  const estimate = Math.round(20 + 2 * random.normal()) * MINUTE;
  const promisedReadyAt =
    requestedFor === null ? acceptedAt + estimate : requestedFor - 15 * MINUTE;
  const pause = random.logNormal(40 * SECOND, 0.7);
  const preparingAt = Math.round(acceptedAt + Math.min(pause, (readyAt - acceptedAt) / 2));
  const isLate = readyAt > promisedReadyAt + 5 * MINUTE;
  const delayedAt =
    isLate && random.chance(DELAYED_SHARE_OF_LATE)
      ? between(
          Math.max(preparingAt, promisedReadyAt - 2 * MINUTE),
          promisedReadyAt + 4 * MINUTE,
          random,
        )
      : null;
  return { acceptedAt, promisedReadyAt, preparingAt, delayedAt, readyAt };
}

/** Drawn again until the food can be cooked and driven in time; if it never can, it is late. */
function carry(
  placedAt: number,
  requestedFor: number | null,
  kitchen: Kitchen,
  pace: number,
  random: Random,
): Courier {
  let assignedAt = 0;
  let arrivedAt = 0;
  let pickedUpAt = 0;
  let deliveredAt = 0;
  for (let i = 0; i < TRIES; i++) {
    const latency = ASSIGNMENT.median * Math.exp(ASSIGNMENT.sigma * blend(pace, 0.35, random));
    const approach = Math.max(MINUTE, random.logNormal(TO_RESTAURANT.median, TO_RESTAURANT.sigma));
    const delivery = TO_CUSTOMER.median * Math.exp(TO_CUSTOMER.sigma * blend(pace, 0.45, random));
    const slack = requestedFor === null ? 0 : requestedFor + 5 * MINUTE * random.normal();
    const earliest = kitchen.acceptedAt + 10 * SECOND;
    const wanted = requestedFor === null ? placedAt + latency : slack - delivery - approach;
    assignedAt = Math.round(Math.max(wanted, earliest));
    arrivedAt = Math.round(assignedAt + approach);
    deliveredAt = Math.round(arrivedAt + delivery);
    const handoff = random.logNormal(1.4 * MINUTE, 0.6);
    pickedUpAt = Math.round(Math.max(arrivedAt, kitchen.readyAt) + handoff);
    if (deliveredAt - pickedUpAt >= LEAST_DRIVE) break;
    deliveredAt = pickedUpAt + Math.round(random.between(1, 2) * LEAST_DRIVE);
  }
  const atDoor = random.logNormal(1.5 * MINUTE, 0.5);
  return {
    attempts: attemptsUntil(placedAt, assignedAt, deliveredAt, random),
    arrivedAt,
    arrivalReported: random.chance(REPORTED_ARRIVAL_SHARE),
    pickedUpAt,
    atCustomerAt: Math.round(deliveredAt - Math.min(atDoor, 0.4 * (deliveredAt - pickedUpAt))),
    deliveredAt,
  };
}

/** The driver who comes, after those who would not, or who could not go on. */
function attemptsUntil(
  placedAt: number,
  assignedAt: number,
  deliveredAt: number,
  random: Random,
): Attempt[] {
  const luck = random.uniform();
  const failures = luck < 0.01 ? 2 : luck < 0.075 ? 1 : 0;
  const attempts: Attempt[] = [];
  for (let i = 0; i < failures; i++) {
    const share = (i + random.between(0.4, 0.6)) / (failures + 0.5);
    const at = Math.round(placedAt + share * (assignedAt - placedAt));
    const outcome = random.chance(0.8) ? "declined" : "unassigned";
    const patience = random.between(8, 75) * SECOND;
    const until = Math.round(at + Math.min(patience, (assignedAt - at) / (2 * failures)));
    attempts.push({ at, until, outcome, driverId: "" });
  }
  attempts.push({ at: assignedAt, until: deliveredAt, outcome: "kept", driverId: "" });
  return attempts;
}

function endOf(placedAt: number, kitchen: Kitchen, courier: Courier, random: Random): Fate {
  let luck = random.uniform();
  if (luck < REJECTED_SHARE) return { kind: "rejected" };
  luck -= REJECTED_SHARE;
  if (luck < TIMED_OUT_SHARE) {
    return { kind: "timed_out", at: placedAt + ACCEPT_LIMIT + random.below(1500) };
  }
  luck -= TIMED_OUT_SHARE;
  if (luck < CROSSED_SHARE) {
    const at = between(courier.atCustomerAt, courier.deliveredAt, random);
    return { kind: "cancelled", at, causedBy: "customer", stage: "carrying", crossed: true };
  }
  luck -= CROSSED_SHARE;
  if (luck >= CANCELLED_SHARE) return { kind: "delivered" };
  const at = cancelTime(placedAt, kitchen, courier, random);
  const stage = stageAt(at, kitchen, courier);
  const causedBy =
    stage === "carrying"
      ? random.pick<Party>(["driver", "driver", "platform"])
      : stage === "created"
        ? "customer"
        : random.pick<Party>(["customer", "customer", "restaurant", "platform"]);
  return { kind: "cancelled", at, causedBy, stage, crossed: false };
}

function cancelTime(placedAt: number, kitchen: Kitchen, courier: Courier, random: Random): number {
  const when = random.uniform();
  if (when < 0.35) return Math.round(placedAt + random.between(15, 200) * SECOND);
  if (when < 0.92) return between(kitchen.acceptedAt, courier.pickedUpAt, random);
  return between(courier.pickedUpAt, courier.atCustomerAt, random);
}

function stageAt(at: number, kitchen: Kitchen, courier: Courier): Stage {
  if (at < kitchen.acceptedAt) return "created";
  if (at < kitchen.preparingAt) return "accepted";
  if (at < Math.min(kitchen.readyAt, courier.pickedUpAt)) return "preparing";
  return at < courier.pickedUpAt ? "ready" : "carrying";
}

function refundOf(courier: Courier, totalPence: number, random: Random): Order["refund"] {
  const share = random.chance(0.6) ? 1 : random.between(0.3, 0.9);
  const at = courier.deliveredAt + random.between(4, 50) * MINUTE;
  return { at: Math.round(at), pence: Math.max(1, Math.round(totalPence * share)) };
}

function ratingOf(courier: Courier, random: Random): Order["rating"] {
  const at = courier.deliveredAt + random.between(2, 70) * MINUTE;
  return { at: Math.round(at), stars: random.pick([5, 5, 5, 5, 5, 4, 4, 4, 3, 2, 1]) };
}

/** A standard normal that shares this much with `pace`. */
function blend(pace: number, correlation: number, random: Random): number {
  return correlation * pace + Math.sqrt(1 - correlation * correlation) * random.normal();
}

/** An instant strictly inside the two, where there is one. */
function between(from: number, until: number, random: Random): number {
  return Math.floor(from + 1 + random.uniform() * Math.max(0, until - from - 1));
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
