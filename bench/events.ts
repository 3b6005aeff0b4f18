// The events of the bench: seeded, one order a line, as a food-delivery platform would send them.
// A plain line has 307 bytes on average with its newline; the other kinds change one thing each.
//
//   plain        an order: two UUIDs, four members of data
//   items        six items before the total: 1.2 KB
//   names        the customer's and the restaurant's names, not in ASCII
//   odd          plain, but one line in twenty is written as other JSON writers would: spaced,
//                shuffled, escaped, with an exponent, with names not in ASCII, with a new member
//   broken       plain, but one line in twenty is no JSON, lacks a member, or is of the old version
//   redelivered  plain, each line sent twice, with another `receivedAt`, a thousand lines apart

export type EventKind = "plain" | "items" | "names" | "odd" | "broken" | "redelivered";

export interface EventSpec {
  readonly kind: EventKind;
  /** Lines. */
  readonly events: number;
  /** Restaurants. */
  readonly keys: number;
  /** Every restaurant as likely as any; else a few have most orders. */
  readonly uniform: boolean;
  /** Event time passes so fast: ms from one event to the next, on average. */
  readonly stepMs: number;
  readonly seed: number;
}

const START_MS = Date.UTC(2024, 2, 15, 17);
/** One event in twenty is so late at most. */
const LATE_MS_MAX = 60_000;
const CUSTOMERS = 500_000;
const REDELIVERED_BEHIND = 1000;

const ITEM_NAMES = [
  "Margherita Pizza large",
  "Pad Thai with tofu",
  "Caesar salad",
  "Sparkling water 0.5l",
  "Tiramisu",
  "Garlic bread (4 pcs)",
];
const CUSTOMER_NAMES = ["Zoë Müller", "Łukasz Żółć", "José Ibáñez", "Þórdís Ægir", "渡辺 さくら"];
const RESTAURANT_NAMES = [
  "Świeże Pierogi",
  "Crêperie d'Août",
  "Ταβέρνα Νίκος",
  "北京烤鸭",
  "Köşebaşı",
];

type Random = () => number;

/** Xorshift: the same numbers on every machine. */
function randomOf(seed: number): Random {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}

interface OrderData {
  orderId: string;
  customerId: string;
  restaurantId: string;
  [member: string]: unknown;
  orderTotal?: number;
}

interface OrderEvent {
  eventId: string;
  eventType: string;
  eventVersion: string;
  eventTime: string;
  correlationId: string;
  data: OrderData;
}

/** The lines, in blocks of whole lines. */
export function* eventBlocks(spec: EventSpec): Generator<string, void, undefined> {
  const random = randomOf(spec.seed);
  const distinct = spec.kind === "redelivered" ? Math.ceil(spec.events / 2) : spec.events;
  let timeMs = START_MS;
  for (let from = 0; from < distinct; from += REDELIVERED_BEHIND) {
    const lines: string[] = [];
    for (let index = from; index < Math.min(distinct, from + REDELIVERED_BEHIND); index++) {
      timeMs += random() * 2 * spec.stepMs;
      const lateMs = random() < 0.05 ? random() * LATE_MS_MAX : 0;
      lines.push(lineOf(spec, random, index, timeMs - lateMs));
    }
    if (spec.kind !== "redelivered") {
      yield `${lines.join("\n")}\n`;
      continue;
    }
    const sentAt = (delayMs: number) => (line: string) => {
      return `${line.slice(0, -1)},"receivedAt":${Math.floor(timeMs) + delayMs}}`;
    };
    const twice = [...lines.map(sentAt(40)), ...lines.map(sentAt(63_000))];
    yield `${twice.slice(0, spec.events - from * 2).join("\n")}\n`;
  }
}

function lineOf(spec: EventSpec, random: Random, index: number, timeMs: number): string {
  const event: OrderEvent = {
    eventId: uuidOf(random),
    eventType: "order.created",
    eventVersion: "2.0",
    eventTime: new Date(timeMs).toISOString(),
    correlationId: uuidOf(random),
    data: dataOf(spec, random, index),
  };
  const isUnlike = (spec.kind === "odd" || spec.kind === "broken") && random() < 0.05;
  if (!isUnlike) return JSON.stringify(event);
  return spec.kind === "odd" ? oddLine(event, random) : brokenLine(event, random);
}

function dataOf({ kind, keys, uniform }: EventSpec, random: Random, index: number): OrderData {
  const data: OrderData = {
    orderId: `ORD-20240315${String(index).padStart(8, "0")}`,
    customerId: `CUST-${below(random, CUSTOMERS)}`,
    restaurantId: `REST-${Math.floor((uniform ? random() : random() * random()) * keys)}`,
  };
  if (kind === "items") data["items"] = Array.from({ length: 6 }, () => itemOf(random));
  if (kind === "names") {
    data["customerName"] = pick(random, CUSTOMER_NAMES);
    data["restaurantName"] = pick(random, RESTAURANT_NAMES);
  }
  data.orderTotal = Math.round((5 + random() * random() * 120) * 100) / 100;
  return data;
}

function itemOf(random: Random): object {
  return {
    sku: `SKU-${below(random, 100_000)}`,
    name: pick(random, ITEM_NAMES),
    quantity: 1 + below(random, 5),
    unitPrice: below(random, 3000) / 100,
    currency: "EUR",
    modifiers: `no onions, extra ${"cheese ".repeat(below(random, 3))}`,
    taxRate: 0.07,
  };
}

/** The same event, or one as good, as another writer would put it. */
function oddLine(event: OrderEvent, random: Random): string {
  const line = JSON.stringify(event);
  switch (below(random, 6)) {
    case 0:
      return JSON.stringify(event, null, 1).replaceAll("\n", " ");
    case 1:
      return JSON.stringify({ ...shuffled(event, random), data: shuffled(event.data, random) });
    case 2:
      return line.replace("CUST-", "CUST\\u002d").replace("ORD-", "ORD\\u002d");
    case 3:
      return line.replace(/"orderTotal":([\d.]+)/, (_, total: string) => {
        return `"orderTotal":${Number(total).toExponential()}`;
      });
    case 4:
      return JSON.stringify({ ...event, customerName: pick(random, CUSTOMER_NAMES) });
    default:
      return JSON.stringify({ ...event, [`x${below(random, 50)}`]: { tip: below(random, 9) } });
  }
}

/** What must not be counted, or is of the version before. */
function brokenLine(event: OrderEvent, random: Random): string {
  const line = JSON.stringify(event);
  switch (below(random, 4)) {
    case 0:
      return line.slice(0, below(random, line.length - 1) + 1);
    case 1:
      return line.replace(/"eventTime":"[^"]*",/, "");
    case 2:
      return line.replace(/T(\d\d):/, " at $1:");
    default: {
      const { orderTotal, ...data } = event.data;
      const old = { ...data, total: String(orderTotal), placedAt: event.eventTime };
      return JSON.stringify({ ...event, eventVersion: "1.0", data: old });
    }
  }
}

function shuffled<T extends object>(members: T, random: Random): T {
  const names = Object.keys(members);
  for (let last = names.length - 1; last > 0; last--) {
    const other = below(random, last + 1);
    [names[last], names[other]] = [names[other]!, names[last]!];
  }
  return Object.fromEntries(names.map((name) => [name, members[name as keyof T]])) as T;
}

function uuidOf(random: Random): string {
  const hex = [0, 0, 0, 0].map(() => below(random, 4_294_967_296).toString(16).padStart(8, "0"));
  const text = hex.join("");
  const parts = [text.slice(0, 8), text.slice(8, 12), `4${text.slice(13, 16)}`];
  return `${parts.join("-")}-8${text.slice(17, 20)}-${text.slice(20)}`;
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[below(random, list.length)]!;
}
