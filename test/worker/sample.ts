// Requests to the Worker: an order of a restaurant, events as a body, and one POST.

interface Worker {
  fetch(url: string, init?: RequestInit): Promise<Response>;
}

export const EVENTS_URL = "https://millrace.test/v1/events";
export const QUERY = "restaurant-metrics";

/** 18:30 on the recorded Friday; orders of one restaurant fall into one window of five minutes. */
const START = Date.UTC(2024, 2, 15, 18, 30);

export interface Sent {
  eventId: string;
  eventType: string;
  eventVersion: string;
  eventTime: string;
  correlationId: string;
  data: { [name: string]: unknown };
}

/** The `number`th order of a restaurant, each a second after the one before. */
export function order(restaurantId: unknown, number: number, seconds = number): Sent {
  return {
    eventId: `order-${number}`,
    eventType: "order.created",
    eventVersion: "2.0",
    eventTime: new Date(START + seconds * 1000).toISOString(),
    correlationId: `order-${number}`,
    data: {
      restaurantId,
      orderId: `ORD-${number}`,
      customerId: `CUS-${number}`,
      orderTotal: number + 0.1,
    },
  };
}

/** An event as a CloudEvent. */
export function cloudEvent({ eventId, eventType, eventVersion, eventTime, data }: Sent): object {
  return {
    specversion: "1.0",
    id: eventId,
    type: eventType,
    eventversion: eventVersion,
    time: eventTime,
    source: "tills",
    data,
  };
}

export function ndjson(events: readonly unknown[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}

/** As `Response.json()`, without a type for each answer: tests name what they expect. */
export interface Answer {
  status: number;
  headers: Headers;
  body: { [name: string]: unknown };
}

export async function post(
  worker: Worker,
  body: string | Uint8Array,
  headers: { [name: string]: string } = {},
): Promise<Answer> {
  const bytes = typeof body === "string" ? body : new Uint8Array(body);
  const init = { method: "POST", body: bytes, headers: { ...NDJSON, ...headers } };
  return answerOf(await worker.fetch(EVENTS_URL, init));
}

const NDJSON = { "Content-Type": "application/x-ndjson" };

export async function get(
  worker: Worker,
  path: string,
  headers: { [name: string]: string } = {},
): Promise<Answer> {
  return answerOf(await worker.fetch(`https://millrace.test${path}`, { headers }));
}

export function rowsPath(restaurantId: string, query = QUERY): string {
  return `/v1/restaurants/${encodeURIComponent(restaurantId)}/queries/${query}`;
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const body = text === "" ? {} : (JSON.parse(text) as Answer["body"]);
  return { status: response.status, headers: response.headers, body };
}

export async function gzip(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([new Uint8Array(bytes)])
    .stream()
    .pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

export async function gunzip(bytes: ArrayBuffer): Promise<Uint8Array<ArrayBuffer>> {
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}
