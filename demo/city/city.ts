// The city: zones, restaurants with their tills and menus, customers. What the registers say of
// them changes during the evening, so each keeps its facts by time. Restaurants are numbered by
// demand: REST-0001 is the busiest.

import { HOUR, MINUTE, SECOND, windowAt, type Calendar } from "./calendar.ts";
import { CUISINES, DRINKS, FIRST_NAMES, LAST_NAMES, type Dish } from "./cuisine.ts";
import { Random } from "./random.ts";

export const CURRENCY = "GBP";

const ZONE_SHARES = [0.21, 0.19, 0.18, 0.16, 0.14, 0.12];
const RESTAURANTS_PER_ZONE = 42;
const CUSTOMERS_PER_RESTAURANT = 16;
const RESTAURANTS_CHANGING = 20;
const CUSTOMERS_CHANGING = 100;
const PAUSES_PER_RESTAURANT = 0.06;
const TIERS = ["standard", "standard", "standard", "plus", "plus", "gold"];

export interface RestaurantFact {
  at: number;
  name: string;
  zoneId: string;
  cuisine: string;
  capacity: number;
}

export interface CustomerFact {
  at: number;
  name: string;
  tier: string;
}

export interface Pause {
  from: number;
  until: number;
  /** A kitchen that just switches its till off says no time. */
  announced: boolean;
}

/** Which version of `order.created` leaves the house: a pair is one old till and one new. */
export type Till =
  | { kind: "new" }
  | { kind: "old" }
  | { kind: "upgraded"; at: number }
  | { kind: "pair" };

export interface Restaurant {
  id: string;
  demand: number;
  till: Till;
  menu: Dish[];
  facts: [RestaurantFact, ...RestaurantFact[]];
  pause: Pause | null;
}

export interface Customer {
  id: string;
  facts: [CustomerFact, ...CustomerFact[]];
}

export interface Zone {
  id: string;
  share: number;
}

export interface City {
  zones: Zone[];
  restaurants: Restaurant[];
  customers: Customer[];
  /** Twenty times its demand for a quarter of an hour. */
  burst: { restaurant: Restaurant; from: number; until: number };
  /** Its feed says nothing, and then everything at once. */
  silence: { restaurant: Restaurant; from: number; until: number };
}

export function buildCity(seed: number, restaurantCount: number, times: Calendar): City {
  const zones = buildZones(restaurantCount);
  const restaurants = buildRestaurants(seed, restaurantCount, zones, times);
  const customers = buildCustomers(seed, restaurantCount * CUSTOMERS_PER_RESTAURANT, times);
  const busy = restaurants[Math.min(1, restaurantCount - 1)];
  const middling = restaurants[Math.floor(restaurantCount * 0.16)];
  if (busy === undefined || middling === undefined) throw new Error("Got a city of no restaurant.");
  const burstAt = windowAt(times, 0.45) + 3 * MINUTE;
  // Over the end of a window and its grace, so that the city's clock closes what the feed holds.
  const silentAt = windowAt(times, 0.65) - 90 * SECOND;
  const city: City = {
    zones,
    restaurants,
    customers,
    burst: { restaurant: middling, from: burstAt, until: burstAt + 15 * MINUTE },
    silence: { restaurant: busy, from: silentAt, until: silentAt + 3 * MINUTE },
  };
  changeFacts(seed, city, times);
  pauseSome(seed, city, times);
  return city;
}

export function factAt<F extends { at: number }>(facts: [F, ...F[]], at: number): F {
  return facts.findLast((fact) => fact.at <= at) ?? facts[0];
}

function buildZones(restaurantCount: number): Zone[] {
  const count = Math.max(1, Math.round(restaurantCount / RESTAURANTS_PER_ZONE));
  return Array.from({ length: count }, (_, index) => ({
    id: `ZONE-${index + 1}`,
    share: ZONE_SHARES[index % ZONE_SHARES.length] ?? 0,
  }));
}

function buildRestaurants(
  seed: number,
  count: number,
  zones: readonly Zone[],
  times: Calendar,
): Restaurant[] {
  const random = new Random(seed, "restaurants");
  const houses = CUISINES.flatMap((cuisine) =>
    cuisine.heads.flatMap((head) => cuisine.tails.map((tail) => ({ cuisine, head, tail }))),
  );
  const shuffled = random.sample(houses, houses.length);
  const load = zones.map(() => 0);
  return Array.from({ length: count }, (_, index) => {
    const house = shuffled[index % shuffled.length];
    if (house === undefined) throw new Error("Got no names to call a restaurant by.");
    const branch = Math.floor(index / shuffled.length);
    const demand = zipf(index + 1);
    const level = random.between(0.85, 1.2);
    return {
      id: `REST-${String(index + 1).padStart(4, "0")}`,
      demand,
      till: tillOf(index, random, times),
      menu: [...house.cuisine.dishes.map((dish) => atLevel(dish, level)), ...DRINKS],
      facts: [
        {
          at: times.opensAt + index * 40,
          name: `${house.head} ${house.tail}${branch === 0 ? "" : ` ${branch + 1}`}`,
          zoneId: emptiestZone(zones, load, demand),
          cuisine: house.cuisine.name,
          capacity: 6 + Math.round(40 * Math.sqrt(demand)),
        },
      ],
      pause: null,
    };
  });
}

/** rank to the power of -3/4 (so the top tenth of 250 takes 45 %), by roots, which are exact. */
function zipf(rank: number): number {
  return 1 / (Math.sqrt(rank) * Math.sqrt(Math.sqrt(rank)));
}

/** Two busy houses are sure to mix both versions within one window; of the rest some do. */
function tillOf(index: number, random: Random, times: Calendar): Till {
  const upgradedAt = Math.round(random.between(times.dinnerAt, times.closesAt));
  const luck = random.uniform();
  if (index === 2) return { kind: "pair" };
  if (index === 5) return { kind: "upgraded", at: windowAt(times, 0.5) + 2 * MINUTE };
  if (luck < 0.07) return { kind: "old" };
  if (luck < 0.11) return { kind: "upgraded", at: upgradedAt };
  return luck < 0.14 ? { kind: "pair" } : { kind: "new" };
}

/** To the next ten pence, as menus are priced. */
function atLevel(dish: Dish, level: number): Dish {
  return { ...dish, pence: Math.round((dish.pence * level) / 10) * 10 };
}

/** The zone furthest behind its share; so no zone has two of the giants by bad luck. */
function emptiestZone(zones: readonly Zone[], load: number[], demand: number): string {
  let chosen = 0;
  zones.forEach((zone, index) => {
    const best = zones[chosen];
    if (best === undefined) return;
    if ((load[index] ?? 0) / zone.share < (load[chosen] ?? 0) / best.share) chosen = index;
  });
  load[chosen] = (load[chosen] ?? 0) + demand;
  return zones[chosen]?.id ?? "";
}

function buildCustomers(seed: number, count: number, times: Calendar): Customer[] {
  const random = new Random(seed, "customers");
  const from = times.opensAt + MINUTE;
  const step = (4 * MINUTE) / count;
  return Array.from({ length: count }, (_, index) => ({
    id: `CUST-${String(index + 1).padStart(5, "0")}`,
    facts: [
      {
        at: Math.floor(from + index * step),
        name: `${random.pick(FIRST_NAMES)} ${random.pick(LAST_NAMES)}`,
        tier: random.pick(TIERS),
      },
    ],
  }));
}

/** Capacities mostly; now and then a house takes another name, or moves to another zone. */
function changeFacts(seed: number, city: City, times: Calendar): void {
  const random = new Random(seed, "changes");
  const during = (): number => Math.round(random.between(times.dinnerAt, times.closesAt));
  random.sample(city.restaurants, RESTAURANTS_CHANGING).forEach((restaurant, index) => {
    const fact = { ...restaurant.facts[0], at: during() };
    const elsewhere = city.zones.filter(({ id }) => id !== fact.zoneId);
    if (index % 10 === 3 && elsewhere.length > 0) fact.zoneId = random.pick(elsewhere).id;
    else if (index % 5 === 1) fact.name = `${fact.name} & Friends`;
    else fact.capacity = Math.max(2, Math.round(fact.capacity * random.between(0.5, 1.3)));
    restaurant.facts.push(fact);
  });
  random.sample(city.customers, CUSTOMERS_CHANGING).forEach((customer, index) => {
    const fact = { ...customer.facts[0], at: during() };
    if (index % 4 === 0) fact.name = `${fact.name}-${random.pick(LAST_NAMES)}`;
    else fact.tier = fact.tier === "gold" ? "plus" : "gold";
    customer.facts.push(fact);
  });
}

/** The hardest hit are spared: a pause would hide what the recording wants to show. */
function pauseSome(seed: number, city: City, times: Calendar): void {
  const random = new Random(seed, "pauses");
  const count = Math.round(city.restaurants.length * PAUSES_PER_RESTAURANT);
  const able = city.restaurants.filter(
    (house, index) => index >= 10 && house !== city.burst.restaurant,
  );
  for (const restaurant of random.sample(able, count)) {
    const from = Math.round(random.between(times.dinnerAt, times.closesAt - HOUR / 2));
    const until = from + Math.round(random.between(10 * MINUTE, 30 * MINUTE));
    restaurant.pause = { from, until, announced: random.chance(0.6) };
  }
}
