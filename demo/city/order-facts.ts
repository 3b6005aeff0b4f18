// One order's life written down as events: who says what, when, and because of which event.
// The times are order.ts's, the drivers dispatch.ts's; here nothing is decided but the words.

import { CURRENCY } from "./city.ts";
import { isMade } from "./dispatch.ts";
import { rfc3339, type CityEvent, type DataOf, type EventType, type Item } from "./event.ts";
import type { Attempt, Order } from "./order.ts";

const CHANNELS = ["app", "app", "app", "web", "web", "phone", "partner"];
const REASONS = {
  rejected: ["too_busy", "too_busy", "out_of_stock", "closing_soon", "address_out_of_range"],
  delayed: ["kitchen_busy", "kitchen_busy", "missing_ingredient", "staff_shortage"],
  declined: ["too_far", "on_break", "other_order", "no_answer"],
  unassigned: ["vehicle_trouble", "wrong_vehicle", "reassigned"],
  adjusted: ["out_of_stock", "substitution", "wrong_price"],
  refund: ["missing_item", "cold_food", "wrong_item", "late_delivery", "never_arrived"],
  cancelled: {
    customer: ["changed_mind", "wrong_address", "too_long", "ordered_twice"],
    restaurant: ["out_of_stock", "too_busy", "equipment_failure"],
    driver: ["accident", "vehicle_trouble", "customer_unreachable"],
    platform: ["suspected_fraud", "no_driver", "payment_failed"],
  },
} as const;

/** An event that waits for its id: ids are counted, and causes found, in the order of time. */
interface Step {
  at: number;
  event: { [T in EventType]: { eventType: T; data: DataOf[T] } }[EventType];
  source: string;
  /** The newest event so far of one of these types is the cause. */
  causes: readonly EventType[];
}

export function orderFacts(order: Order): CityEvent[] {
  const steps = [created(order), ...decision(order), ...kitchen(order), ...courier(order)]
    .filter((step) => !isCutOff(order, step))
    .concat(cancellation(order), aftermath(order))
    .sort((a, b) => a.at - b.at);
  const known = new Map<EventType, string>();
  return steps.map(({ at, event, source, causes }) => {
    const eventId = order.thread.nextEventId();
    const cause = [...known].findLast(([type]) => causes.includes(type));
    known.delete(event.eventType);
    known.set(event.eventType, eventId);
    return {
      ...event,
      eventId,
      eventVersion: event.eventType === "order.created" ? order.version : "1.0",
      eventTime: at,
      correlationId: order.thread.correlationId,
      causationId: cause?.[1] ?? null,
      source,
    };
  });
}

function isCutOff({ fate }: Order, step: Step): boolean {
  return fate.kind === "cancelled" && !fate.crossed && step.at >= fate.at;
}

function created(order: Order): Step {
  const { wish, requestedFor, random } = order;
  const items: Item[] = wish.basket.map(({ dish, qty }) => {
    return { sku: dish.sku, name: dish.name, qty, price: dish.pence / 100 };
  });
  const total = (order.totalPence / 100).toFixed(2);
  const money =
    order.version === "2.0"
      ? { orderTotal: order.totalPence / 100 }
      : { total, placedAt: rfc3339(wish.at) };
  const data: DataOf["order.created"] = {
    ...base(order),
    customerId: wish.customer.id,
    ...money,
    currency: CURRENCY,
    items,
    channel: random.pick(CHANNELS),
    isAsap: requestedFor === null,
    ...(requestedFor === null ? {} : { requestedFor: rfc3339(requestedFor) }),
    promisedAt: rfc3339(order.promisedAt),
    acceptBy: rfc3339(order.acceptBy),
    zoneId: order.zoneId,
  };
  return {
    at: wish.at,
    event: { eventType: "order.created", data },
    source: till(order),
    causes: [],
  };
}

/** The two ends before a kitchen has begun. */
function decision(order: Order): Step[] {
  const { fate, random, acceptBy, kitchen } = order;
  const causes = ["order.created"] as const;
  if (fate.kind === "rejected") {
    const data = {
      ...base(order),
      reasonCode: random.pick(REASONS.rejected),
      causedBy: random.pick(["restaurant", "restaurant", "restaurant", "platform"] as const),
    };
    const event = { eventType: "order.rejected", data } as const;
    return [{ at: kitchen.acceptedAt, event, source: till(order), causes }];
  }
  if (fate.kind === "timed_out") {
    const data = { ...base(order), deadline: rfc3339(acceptBy) };
    const event = { eventType: "order.acceptance_timed_out", data } as const;
    return [{ at: fate.at, event, source: "platform/orders", causes }];
  }
  return [];
}

function kitchen(order: Order): Step[] {
  const { fate, random, adjusted } = order;
  if (fate.kind === "rejected" || fate.kind === "timed_out") return [];
  const { acceptedAt, promisedReadyAt, preparingAt, delayedAt, readyAt } = order.kitchen;
  const step = (at: number, event: Step["event"], cause: EventType): Step => {
    return { at, event, source: till(order), causes: [cause] };
  };
  const accepted = { ...base(order), promisedReadyAt: rfc3339(promisedReadyAt) };
  const steps = [
    step(acceptedAt, { eventType: "order.accepted", data: accepted }, "order.created"),
    step(preparingAt, { eventType: "order.preparing", data: base(order) }, "order.accepted"),
    step(readyAt, { eventType: "order.ready", data: base(order) }, "order.preparing"),
  ];
  if (delayedAt !== null) {
    const later = Math.ceil(random.between(0.8, 1.3) * (readyAt - promisedReadyAt));
    const data: DataOf["order.delayed"] = {
      ...base(order),
      newPromisedReadyAt: rfc3339(promisedReadyAt + later),
      ...(random.chance(0.6) ? { newPromisedAt: rfc3339(order.promisedAt + later) } : {}),
      reasonCode: random.pick(REASONS.delayed),
    };
    steps.push(step(delayedAt, { eventType: "order.delayed", data }, "order.preparing"));
  }
  if (adjusted !== null) {
    const data: DataOf["order.adjusted"] = {
      ...base(order),
      newTotal: (order.totalPence + adjusted.deltaPence) / 100,
      delta: adjusted.deltaPence / 100,
      currency: CURRENCY,
      reasonCode: random.pick(REASONS.adjusted),
    };
    steps.push(step(adjusted.at, { eventType: "order.adjusted", data }, "order.accepted"));
  }
  return steps;
}

function courier(order: Order): Step[] {
  const { attempts, arrivedAt, arrivalReported, pickedUpAt, atCustomerAt, deliveredAt } =
    order.courier;
  const steps = attempts
    .filter((attempt) => isMade(order, attempt))
    .flatMap((attempt, index) => offer(order, attempt, index + 1));
  const driverId = attempts.at(-1)?.driverId ?? "";
  if (driverId === "") return steps;
  const data = { ...base(order), driverId };
  const step = (at: number, event: Step["event"], ...causes: EventType[]): Step => {
    return { at, event, source: `driver-app/${driverId}`, causes };
  };
  const proof = order.random.pick(["photo", "photo", "pin", "none", "none"] as const);
  if (arrivalReported) {
    const event = { eventType: "driver.arrived_at_restaurant", data } as const;
    steps.push(step(arrivedAt, event, "driver.assigned"));
  }
  steps.push(
    step(pickedUpAt, { eventType: "order.picked_up", data }, "order.ready", "driver.assigned"),
    step(atCustomerAt, { eventType: "driver.arrived_at_customer", data }, "order.picked_up"),
    step(
      deliveredAt,
      { eventType: "order.delivered", data: { ...data, proof } },
      "driver.arrived_at_customer",
    ),
  );
  return steps;
}

function offer(order: Order, { at, until, outcome, driverId }: Attempt, attempt: number): Step[] {
  const data = { ...base(order), driverId, attempt };
  const dispatcher = `dispatch/${order.zoneId}`;
  const assigned: Step = {
    at,
    event: { eventType: "driver.assigned", data },
    source: dispatcher,
    causes: ["order.created", "driver.declined", "driver.unassigned"],
  };
  if (outcome === "kept") return [assigned];
  const reasonCode = order.random.pick(REASONS[outcome]);
  const back: Step = {
    at: until,
    event: { eventType: `driver.${outcome}`, data: { ...data, reasonCode } },
    source: outcome === "declined" ? `driver-app/${driverId}` : dispatcher,
    causes: ["driver.assigned"],
  };
  return [assigned, back];
}

function cancellation(order: Order): Step[] {
  const { fate, random } = order;
  if (fate.kind !== "cancelled") return [];
  const { at, causedBy, stage } = fate;
  const reasonCode = random.pick<string>(REASONS.cancelled[causedBy]);
  const event = {
    eventType: "order.cancelled",
    data: { ...base(order), causedBy, reasonCode, stage },
  } as const;
  const source = causedBy === "restaurant" ? till(order) : `platform/${causedBy}-care`;
  return [{ at, event, source, causes: ["order.created", "order.accepted", "order.picked_up"] }];
}

function aftermath(order: Order): Step[] {
  const { refund, rating, random } = order;
  const causes = ["order.delivered"] as const;
  const steps: Step[] = [];
  if (refund !== null) {
    const reasonCode = random.pick(REASONS.refund);
    const data = { ...base(order), amount: refund.pence / 100, currency: CURRENCY, reasonCode };
    const event = { eventType: "refund.issued", data } as const;
    steps.push({ at: refund.at, event, source: "platform/customer-care", causes });
  }
  if (rating !== null) {
    const target = random.pick(["restaurant", "restaurant", "driver"] as const);
    const data = { ...base(order), stars: rating.stars, target };
    const event = { eventType: "rating.submitted", data } as const;
    steps.push({ at: rating.at, event, source: "platform/ratings", causes });
  }
  return steps;
}

function base(order: Order): { orderId: string; restaurantId: string } {
  return { orderId: order.id, restaurantId: order.wish.restaurant.id };
}

/** The old till of a pair stands beside the new one, so it is a producer of its own. */
function till({ wish, version }: Order): string {
  const beside = wish.restaurant.till.kind === "pair" && version === "1.0" ? "/old" : "";
  return `till/${wish.restaurant.id}${beside}`;
}
