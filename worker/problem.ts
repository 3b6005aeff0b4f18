// Errors as problem+json (RFC 9457): a stable `code` for programs, a sentence for people. `title`
// is the phrase of the status; there is no `type`, which then is "about:blank". Nothing of what
// went wrong inside is ever told, and no value of a request is repeated.

import { HTTPException } from "hono/http-exception";

const TITLES = {
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  410: "Gone",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;

interface Kind {
  readonly status: keyof typeof TITLES;
  readonly detail: string;
  readonly headers?: { readonly [name: string]: string };
}

const EVENT_TYPES = [
  "application/x-ndjson",
  "application/json",
  "application/cloudevents+json",
  "application/cloudevents-batch+json",
].join(", ");

const KINDS = {
  bad_encoding: {
    status: 400,
    detail: "The body does not unpack: send one whole gzip stream, or none.",
  },
  bad_question: {
    status: 400,
    detail: "Send a JSON object of `query`, `from` and `to`, whole ms since 1970, `from` first.",
  },
  bad_parameter: { status: 400, detail: "A parameter of the query string does not read." },
  bad_range: { status: 400, detail: "`from` is after `to`: send the earlier one as `from`." },
  unknown_route: { status: 404, detail: "There is nothing here: look at the path." },
  method_not_allowed: { status: 405, detail: "Another method is taken here: look at `Allow`." },
  unknown_restaurant: {
    status: 404,
    detail: "No event of this restaurant has come yet: look at its id.",
  },
  unknown_query: { status: 404, detail: "The plan of this restaurant has no query of this name." },
  log_trimmed: {
    status: 410,
    detail:
      "This takes the whole log, and what stands before position `trimmedTo` was trimmed: ask an " +
      "engine that is given the archived chunks too.",
  },
  body_too_large: {
    status: 413,
    detail: "Send at most 4 MiB, 16 MiB when unpacked, and at most 100 times what was packed.",
  },
  unsupported_encoding: {
    status: 415,
    detail: "Send the body as it is, or under one layer of gzip.",
    headers: { "Accept-Encoding": "gzip, identity" },
  },
  unsupported_content_type: {
    status: 415,
    detail: `Send UTF-8 as one of ${EVENT_TYPES}.`,
    headers: { "Accept-Post": EVENT_TYPES },
  },
  all_invalid: { status: 422, detail: "Every event is invalid: `invalid` says why." },
  too_many_events: { status: 422, detail: "Send at most 10,000 events at once: none was taken." },
  too_many_restaurants: {
    status: 422,
    detail: "Send events of at most 1,000 restaurants at once: none was taken.",
  },
  internal_error: { status: 500, detail: "Something went wrong here: send it again." },
  log_incomplete: {
    status: 503,
    detail:
      "The log was trimmed before position `trimmedTo`, and no good snapshot is left behind it: " +
      "its archived chunks come back by and by, where there is an archive; ask again after that.",
    headers: { "Retry-After": "3600" },
  },
  no_room: {
    status: 503,
    detail: "The restaurant has no room for that: nothing was changed, ask for a shorter range.",
    headers: { "Retry-After": "60" },
  },
  restaurant_unavailable: {
    status: 503,
    detail: "A restaurant is out of reach: send the whole again, nothing is counted twice.",
    headers: { "Retry-After": "1" },
  },
} as const satisfies { readonly [code: string]: Kind };

export type ProblemCode = keyof typeof KINDS;

export function isProblem(code: string): code is ProblemCode {
  return Object.hasOwn(KINDS, code);
}

/** The answer; `members` stand beside those of the problem. */
export function problem(code: ProblemCode, members: object = {}): Response {
  const { status, detail, headers }: Kind = KINDS[code];
  const body = { title: TITLES[status], status, code, detail, ...members };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/problem+json", ...headers },
  });
}

/** The same, to be thrown where a request can go no further. */
export function refusal(code: ProblemCode, members: object = {}): HTTPException {
  const res = problem(code, members);
  return new HTTPException(KINDS[code].status, { res });
}
