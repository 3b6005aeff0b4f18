// The evening as it was: everything that happened in the city, in the order of time, before any
// network came between. What the recording shows of it is decided in network.ts.

import { SECOND, type Calendar } from "./calendar.ts";
import { buildCity, type City, type Customer, type Restaurant } from "./city.ts";
import { wishes } from "./demand.ts";
import { dispatch, planShifts, type Shift } from "./dispatch.ts";
import { Thread, type CityEvent } from "./event.ts";
import { orderFacts } from "./order-facts.ts";
import { liveOrder } from "./order.ts";
import { Random } from "./random.ts";

export interface Evening {
  city: City;
  times: Calendar;
  events: CityEvent[];
  orderCount: number;
  driverCount: number;
}

export function simulate(seed: number, restaurantCount: number, times: Calendar): Evening {
  const city = buildCity(seed, restaurantCount, times);
  const { friday, saturday } = wishes(city, times, new Random(seed, "wishes"));
  const orders = [...friday, ...saturday].map((wish, number) => liveOrder(seed, number, wish));
  const shifts = planShifts(seed, city, times);
  dispatch(orders, shifts);
  const random = new Random(seed, "news");
  const events: CityEvent[] = [
    ...city.restaurants.flatMap((restaurant) => restaurantNews(restaurant, random)),
    ...city.customers.flatMap((customer) => customerNews(customer, random)),
    ...shifts.flatMap(shiftNews),
    ...orders.flatMap(orderFacts),
  ];
  events.sort((a, b) => a.eventTime - b.eventTime);
  // It ends with Saturday's orders, not when the drivers of that day go home.
  events.length = 1 + events.findLastIndex(({ data }) => "orderId" in data);
  const driverCount = new Set(shifts.map(({ driverId }) => driverId)).size;
  return { city, times, events, orderCount: orders.length, driverCount };
}

function restaurantNews({ id, facts, pause }: Restaurant, random: Random): CityEvent[] {
  const restaurantId = id;
  const news: CityEvent[] = facts.map(({ at, name, zoneId, cuisine, capacity }) => ({
    ...told(new Thread(at, random), at, "register/restaurants"),
    eventType: "restaurant.updated",
    data: { restaurantId, name, zoneId, cuisine, capacity },
  }));
  if (pause === null) return news;
  const thread = new Thread(pause.from, random);
  const promised = new Date(Math.ceil(pause.until / (60 * SECOND)) * 60 * SECOND).toISOString();
  const paused = told(thread, pause.from, `till/${id}`);
  news.push({
    ...paused,
    eventType: "restaurant.paused",
    data: { restaurantId, ...(pause.announced ? { untilAt: promised } : {}) },
  });
  news.push({
    ...told(thread, pause.until, `till/${id}`),
    causationId: paused.eventId,
    eventType: "restaurant.resumed",
    data: { restaurantId },
  });
  return news;
}

function customerNews({ id, facts }: Customer, random: Random): CityEvent[] {
  return facts.map(({ at, name, tier }) => ({
    ...told(new Thread(at, random), at, "register/customers"),
    eventType: "customer.updated",
    data: { customerId: id, name, tier },
  }));
}

function shiftNews({ driverId, zoneId, thread, startsAt, endsAt }: Shift): CityEvent[] {
  const source = `driver-app/${driverId}`;
  const data = { driverId, zoneId };
  const started = told(thread, startsAt, source);
  const ended = { ...told(thread, endsAt, source), causationId: started.eventId };
  return [
    { ...started, eventType: "driver.shift_started", data },
    { ...ended, eventType: "driver.shift_ended", data },
  ];
}

function told(thread: Thread, at: number, source: string) {
  return {
    eventId: thread.nextEventId(),
    eventVersion: "1.0",
    eventTime: at,
    correlationId: thread.correlationId,
    causationId: null as string | null,
    source,
  };
}
