// Which driver takes which order: per zone, in the order of the offers, whoever has been free the
// longest. When nobody is free, an order is stacked on the driver who will be free first.

import { HOUR, MINUTE, type Calendar } from "./calendar.ts";
import type { City } from "./city.ts";
import { Thread } from "./event.ts";
import { closedAt, type Attempt, type Order } from "./order.ts";
import { Random } from "./random.ts";

const DRIVERS_PER_RESTAURANT = 4;
const SATURDAY_DRIVERS_PER_ZONE = 3;
/** Those whose shift began before the city opens sign on when it does. */
const EARLY_SHARE = 0.7;
/** Nobody is sent so shortly before the shift's end. */
const LAST_OFFER = 25 * MINUTE;
const BREAK_AFTER_DECLINE = 4 * MINUTE;

export interface Shift {
  driverId: string;
  zoneId: string;
  thread: Thread;
  startsAt: number;
  endsAt: number;
  freeAt: number;
}

export function planShifts(seed: number, city: City, times: Calendar): Shift[] {
  const random = new Random(seed, "shifts");
  const shifts: Shift[] = [];
  const wanted = city.restaurants.length * DRIVERS_PER_RESTAURANT;
  const shares = city.zones.reduce((sum, { share }) => sum + share, 0);
  let driverCount = 0;
  for (const zone of city.zones) {
    const count = Math.max(SATURDAY_DRIVERS_PER_ZONE, Math.round((wanted * zone.share) / shares));
    for (let i = 0; i < count; i++) {
      const driverId = `DRV-${String(++driverCount).padStart(4, "0")}`;
      const startsAt = random.chance(EARLY_SHARE)
        ? random.between(times.opensAt + 5 * MINUTE, times.dinnerAt)
        : random.between(times.dinnerAt, times.dinnerAt + 75 * MINUTE);
      const endsAt = Math.min(startsAt + random.between(4, 6) * HOUR, times.closesAt + 2 * HOUR);
      shifts.push(shift(driverId, zone.id, startsAt, endsAt, random));
      if (i >= SATURDAY_DRIVERS_PER_ZONE) continue;
      const morning = times.noonAt - random.between(1, 10) * MINUTE;
      shifts.push(shift(driverId, zone.id, morning, morning + 4 * HOUR, random));
    }
  }
  return shifts;
}

/** Gives every attempt its driver; shifts grow where somebody brings a last order home. */
export function dispatch(orders: readonly Order[], shifts: readonly Shift[]): void {
  const byZone = new Map<string, Shift[]>();
  for (const shift of shifts) {
    const zone = byZone.get(shift.zoneId);
    if (zone === undefined) byZone.set(shift.zoneId, [shift]);
    else zone.push(shift);
  }
  const offers = orders.flatMap((order) =>
    order.courier.attempts
      .filter((attempt) => isMade(order, attempt))
      .map((attempt) => ({ order, attempt })),
  );
  offers.sort((a, b) => a.attempt.at - b.attempt.at);
  for (const { order, attempt } of offers) {
    const shift = choose(byZone.get(order.zoneId) ?? [], attempt.at);
    attempt.driverId = shift.driverId;
    const busyUntil =
      attempt.outcome === "kept" ? closedAt(order) : attempt.until + BREAK_AFTER_DECLINE;
    shift.freeAt = Math.max(shift.freeAt, busyUntil);
    shift.endsAt = Math.max(shift.endsAt, shift.freeAt + MINUTE);
  }
}

/** A driver is looked for once the kitchen may have the order, and until it is called off. */
export function isMade({ fate }: Order, attempt: Attempt): boolean {
  if (fate.kind === "rejected" || fate.kind === "timed_out") return false;
  return fate.kind === "delivered" || fate.crossed || attempt.at < fate.at;
}

function choose(shifts: readonly Shift[], at: number): Shift {
  let chosen: Shift | null = null;
  for (const shift of shifts) {
    if (shift.startsAt > at || shift.endsAt < at + LAST_OFFER) continue;
    if (chosen === null || shift.freeAt < chosen.freeAt) chosen = shift;
  }
  if (chosen !== null) return chosen;
  // Late at night whoever would be the last to go home stays until everything is delivered.
  for (const shift of shifts) {
    if (shift.startsAt > at) continue;
    if (chosen === null || shift.endsAt > chosen.endsAt) chosen = shift;
  }
  if (chosen === null) throw new Error("Got a zone without drivers when an order needs one.");
  return chosen;
}

function shift(
  driverId: string,
  zoneId: string,
  startsAt: number,
  endsAt: number,
  random: Random,
): Shift {
  const bornAt = Math.round(startsAt);
  return {
    driverId,
    zoneId,
    thread: new Thread(bornAt, random),
    startsAt: bornAt,
    endsAt: Math.round(endsAt),
    freeAt: bornAt,
  };
}
