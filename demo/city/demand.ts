// Who orders what, when and where: the evening's curve, Zipf's law over the restaurants, the
// basket. It decides the wish only; what becomes of it is decided in order.ts.

import { MINUTE, type Calendar } from "./calendar.ts";
import type { City, Customer, Restaurant } from "./city.ts";
import type { Dish } from "./cuisine.ts";
import type { Random } from "./random.ts";

const ORDERS_PER_RESTAURANT_HOUR = 5;
const BURST_FACTOR = 20;
const SATURDAY_ORDERS = 20;
const TOTAL_MEDIAN_PENCE = 2250;
const TOTAL_SIGMA = 0.61;
const LINES_MAX = 4;
const QTY_MAX = 9;

export interface Wish {
  at: number;
  restaurant: Restaurant;
  customer: Customer;
  basket: Portion[];
  burst: boolean;
}

export interface Portion {
  dish: Dish;
  qty: number;
}

/** Friday's wishes and then Saturday's, each by time. */
export function wishes(
  city: City,
  times: Calendar,
  random: Random,
): { friday: Wish[]; saturday: Wish[] } {
  const hours = (times.closesAt - times.dinnerAt) / (60 * MINUTE);
  const count = Math.round(city.restaurants.length * hours * ORDERS_PER_RESTAURANT_HOUR);
  const chooser = new Chooser(city.restaurants);
  const friday: Wish[] = [];
  for (let i = 0; i < count; i++) {
    friday.push(wish(city, chooser, eveningTime(times, random), random));
  }
  const { restaurant, from, until } = city.burst;
  const usual = friday.filter(({ at }) => at >= from && at < until).length;
  const extra = Math.round((BURST_FACTOR - 1) * usual * chooser.shareOf(restaurant));
  for (let i = 0; i < extra; i++) {
    const at = Math.floor(random.between(from, until));
    friday.push({ ...wish(city, chooser, at, random, restaurant), burst: true });
  }
  const saturday: Wish[] = [];
  for (let i = 0; i < SATURDAY_ORDERS; i++) {
    const at = Math.floor(random.between(times.noonAt, times.noonAt + 25 * MINUTE));
    saturday.push(wish(city, chooser, at, random));
  }
  return { friday: friday.sort(byTime), saturday: saturday.sort(byTime) };
}

export function pence(basket: readonly Portion[]): number {
  return basket.reduce((sum, { dish, qty }) => sum + dish.pence * qty, 0);
}

function wish(city: City, chooser: Chooser, at: number, random: Random, wanted?: Restaurant): Wish {
  let restaurant = wanted ?? chooser.choose(random);
  // Who finds a kitchen closed looks for another.
  while (wanted === undefined && isPaused(restaurant, at)) restaurant = chooser.choose(random);
  return {
    at,
    restaurant,
    customer: random.pick(city.customers),
    basket: fillBasket(restaurant.menu, random),
    burst: false,
  };
}

function isPaused({ pause }: Restaurant, at: number): boolean {
  return pause !== null && at >= pause.from && at < pause.until;
}

/** Draws restaurants by their demand: a running sum, searched by halving. */
class Chooser {
  readonly #restaurants: readonly Restaurant[];
  readonly #sums: number[] = [];
  readonly #total: number;

  constructor(restaurants: readonly Restaurant[]) {
    this.#restaurants = restaurants;
    let sum = 0;
    for (const { demand } of restaurants) this.#sums.push((sum += demand));
    this.#total = sum;
  }

  shareOf(restaurant: Restaurant): number {
    return restaurant.demand / this.#total;
  }

  choose(random: Random): Restaurant {
    const target = random.uniform() * this.#total;
    let low = 0;
    let high = this.#sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sums[middle] ?? 0) > target) high = middle;
      else low = middle + 1;
    }
    const chosen = this.#restaurants[low];
    if (chosen === undefined) throw new Error("Got no restaurant to choose from.");
    return chosen;
  }
}

/** A hump a little before the middle of the evening over a steady base, by rejection. */
function eveningTime(times: Calendar, random: Random): number {
  for (;;) {
    const share = random.uniform();
    const fromPeak = (share - 0.45) / 0.24;
    if (random.between(0, 1.5) < 0.5 + Math.exp(-fromPeak * fromPeak)) {
      return Math.floor(times.dinnerAt + share * (times.closesAt - times.dinnerAt));
    }
  }
}

/** Dishes until the money that somebody has in mind is spent; the last line comes closest. */
function fillBasket(menu: readonly Dish[], random: Random): Portion[] {
  const budget = random.logNormal(TOTAL_MEDIAN_PENCE, TOTAL_SIGMA);
  const wanted = 1 + random.below(LINES_MAX);
  const basket: Portion[] = [];
  let left = budget;
  for (const dish of random.sample(menu, menu.length)) {
    const lines = wanted - basket.length;
    if (lines <= 1) break;
    if (dish.pence > left) continue;
    const qty = Math.min(QTY_MAX, Math.max(1, Math.round(left / lines / dish.pence)));
    basket.push({ dish, qty });
    left -= qty * dish.pence;
  }
  const last = closest(
    menu.filter((dish) => basket.every((one) => one.dish !== dish)),
    left,
  );
  if (basket.length === 0 || pence([last]) < 2 * left) basket.push(last);
  return basket;
}

function closest(dishes: readonly Dish[], left: number): Portion {
  let best: Portion | null = null;
  for (const dish of dishes) {
    const qty = Math.min(QTY_MAX, Math.max(1, Math.round(left / dish.pence)));
    const portion = { dish, qty };
    const miss = Math.abs(pence([portion]) - left);
    if (best === null || miss < Math.abs(pence([best]) - left)) best = portion;
  }
  if (best === null) throw new Error("Got an empty menu.");
  return best;
}

function byTime(a: Wish, b: Wish): number {
  return a.at - b.at;
}
