// What happens in the city: every event type with its data, the envelope around it, its identity,
// and the one line of JSON that it becomes. Money is a decimal of at most two digits, times in
// `data` are RFC 3339 in UTC.

import type { Random } from "./random.ts";

export type EventType = keyof DataOf;
export type Party = "customer" | "restaurant" | "driver" | "platform";
export type Stage = "created" | "accepted" | "preparing" | "ready" | "carrying";

export interface Item {
  sku: string;
  name: string;
  qty: number;
  price: number;
}

interface OfOrder {
  orderId: string;
  restaurantId: string;
}

interface OfRestaurant {
  restaurantId: string;
}

interface Shift {
  driverId: string;
  zoneId: string;
}

interface Created extends OfOrder {
  customerId: string;
  currency: string;
  items: Item[];
  channel: string;
  isAsap: boolean;
  requestedFor?: string;
  promisedAt: string;
  acceptBy: string;
  zoneId: string;
}

/** Version 2.0, and what the tills that nobody upgraded still send as 1.0. */
export type OrderCreated = Created & ({ orderTotal: number } | { total: string; placedAt: string });

export interface DataOf {
  "order.created": OrderCreated;
  "order.accepted": OfOrder & { promisedReadyAt: string };
  "order.rejected": OfOrder & { reasonCode: string; causedBy: Party };
  "order.acceptance_timed_out": OfOrder & { deadline: string };
  "order.preparing": OfOrder;
  "order.delayed": OfOrder & {
    newPromisedReadyAt?: string;
    newPromisedAt?: string;
    reasonCode: string;
  };
  "order.ready": OfOrder;
  "driver.assigned": OfOrder & { driverId: string; attempt: number };
  "driver.declined": OfOrder & { driverId: string; attempt: number; reasonCode: string };
  "driver.unassigned": OfOrder & { driverId: string; attempt: number; reasonCode: string };
  "driver.arrived_at_restaurant": OfOrder & { driverId: string };
  "order.picked_up": OfOrder & { driverId: string };
  "driver.arrived_at_customer": OfOrder & { driverId: string };
  "order.delivered": OfOrder & { driverId: string; proof: "photo" | "pin" | "none" };
  "order.cancelled": OfOrder & { causedBy: Party; reasonCode: string; stage: Stage };
  "order.adjusted": OfOrder & {
    newTotal: number;
    delta: number;
    currency: string;
    reasonCode: string;
  };
  "refund.issued": OfOrder & { amount: number; currency: string; reasonCode: string };
  "rating.submitted": OfOrder & { stars: number; target: "restaurant" | "driver" };
  "restaurant.updated": OfRestaurant & {
    name: string;
    zoneId: string;
    cuisine: string;
    capacity: number;
  };
  "restaurant.paused": OfRestaurant & { untilAt?: string };
  "restaurant.resumed": OfRestaurant;
  "customer.updated": { customerId: string; name: string; tier: string };
  "driver.shift_started": Shift;
  "driver.shift_ended": Shift;
}

interface Envelope<T extends EventType> {
  eventId: string;
  eventType: T;
  eventVersion: string;
  /** Milliseconds since 1970, as its producer stamped it. */
  eventTime: number;
  correlationId: string;
  causationId: string | null;
  source: string;
  data: DataOf[T];
}

/** One member a type, so that testing `eventType` tells what `data` is. */
export type CityEvent = { [T in EventType]: Envelope<T> }[EventType];

/**
 * The identity of everything about one order (or one piece of news): the correlation id and the
 * event ids are UUIDs of version 8 that differ in their third group, the event's number.
 * They are unique as random ones are, and a third of the size once compressed.
 */
export class Thread {
  readonly correlationId: string;
  readonly #head: string;
  readonly #tail: string;
  #count = 0;

  constructor(bornAt: number, random: Random) {
    const time = bornAt.toString(16).padStart(12, "0");
    this.#head = `${time.slice(0, 8)}-${time.slice(8)}`;
    this.#tail = `8${random.hex(3)}-${random.hex(12)}`;
    this.correlationId = `${this.#head}-8000-${this.#tail}`;
  }

  nextEventId(): string {
    this.#count++;
    return `${this.#head}-8${this.#count.toString(16).padStart(3, "0")}-${this.#tail}`;
  }
}

export function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}

export function envelope(event: CityEvent): Record<string, unknown> {
  return {
    eventId: event.eventId,
    eventType: event.eventType,
    eventVersion: event.eventVersion,
    eventTime: rfc3339(event.eventTime),
    correlationId: event.correlationId,
    ...(event.causationId === null ? {} : { causationId: event.causationId }),
    source: event.source,
    data: event.data,
  };
}

export function encode(event: CityEvent, receivedAt: number): string {
  return JSON.stringify({ ...envelope(event), receivedAt });
}
