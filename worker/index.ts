// The Worker: what HTTP asks, handed to the object of each restaurant. There are no accounts yet:
// whoever reaches it may read and write, so `npm start` binds it to 127.0.0.1.
//
//   POST   body (type, encoding, limits) → split (strict, by restaurant) → a push to each object
//          → merge (one receipt)
//   GET    one object → rows, with an ETag
//   POST   one object: a part of the log computed again → its corrections

import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Change, Explanation, Stats } from "../engine/index.ts";
import { readBody } from "./body.ts";
import { merge } from "./merge.ts";
import { isProblem, problem, refusal } from "./problem.ts";
import type { Answer, Env, PushAnswer, Refused, RestaurantObject, Rows } from "./restaurant.ts";
import { readQuestion } from "./reprocess-request.ts";
import { isRestaurantId, split, type Share } from "./split.ts";
import { hasTag, readFilter, readRow, tagOf } from "./view-request.ts";

export { RestaurantObject } from "./restaurant.ts";

const METHODS = ["GET", "POST"];

const app = new Hono<{ Bindings: Env }>();

app.use(async (context, next) => {
  await next();
  context.header("X-Content-Type-Options", "nosniff");
  context.header("Cache-Control", "no-cache");
});

app.get("/healthz", (context) => context.json({ ok: true }));

app.post("/v1/events", async (context) => {
  const receivedAt = Date.now();
  const parts = split(await readBody(context.req.raw));
  const answers = await Promise.all(
    parts.shares.map((share) => push(context.env, share, receivedAt)),
  );
  const receipt = merge(parts, answers);
  if (receipt.unavailable !== undefined) return problem("restaurant_unavailable", receipt);
  const isRefused = receipt.received > 0 && receipt.invalid.length === receipt.received;
  return isRefused ? problem("all_invalid", receipt) : context.json(receipt);
});

app.get("/v1/restaurants/:id/queries/:query", async (context) => {
  const filter = readFilter((name) => context.req.query(name));
  const { id, query } = context.req.param();
  const { told, refused } = await ask<Rows>(context.env, id, async (restaurant) => {
    return await restaurant.rows(query, filter);
  });
  if (told === undefined) return unanswered(refused);
  const body = JSON.stringify(told);
  const tag = await tagOf(told.position, body);
  context.header("ETag", tag);
  if (hasTag(context.req.header("If-None-Match"), tag)) return context.body(null, 304);
  return context.body(body, 200, { "Content-Type": "application/json" });
});

app.get("/v1/restaurants/:id/queries/:query/explain", async (context) => {
  const { key, window } = readRow((name) => context.req.query(name));
  const { id, query } = context.req.param();
  const { told, refused } = await ask<Explanation>(context.env, id, async (restaurant) => {
    return await restaurant.explain(query, key, window);
  });
  return told === undefined ? unanswered(refused) : context.json(told);
});

app.get("/v1/restaurants/:id/stats", async (context) => {
  const { id } = context.req.param();
  const { told, refused } = await ask<Stats>(context.env, id, async (restaurant) => {
    return await restaurant.stats();
  });
  return told === undefined ? unanswered(refused) : context.json(told);
});

app.post("/v1/restaurants/:id/reprocess", async (context) => {
  const asked = await readQuestion(context.req.raw);
  const { id } = context.req.param();
  const { told, refused } = await ask<readonly Change[]>(context.env, id, async (restaurant) => {
    return await restaurant.reprocess(asked);
  });
  return told === undefined ? unanswered(refused) : context.json({ changes: told });
});

app.notFound(({ req: { path } }) => {
  const allowed = METHODS.filter((method) => {
    return app.router.match(method, path)[0].some(([[, route]]) => route.method === method);
  });
  if (allowed.length === 0) return problem("unknown_route");
  const refused = problem("method_not_allowed");
  // What answers GET answers HEAD.
  refused.headers.set("Allow", allowed.join(", ").replace("GET", "GET, HEAD"));
  return refused;
});

app.onError((error) => {
  if (error instanceof HTTPException) return error.getResponse();
  report(error);
  return problem("internal_error");
});

export default app;

/** Null when the restaurant is out of reach: the others' lines are taken all the same. */
async function push(env: Env, share: Share, receivedAt: number): Promise<PushAnswer | null> {
  try {
    return await objectOf(env, share.restaurantId).push(share.lines, receivedAt);
  } catch (error) {
    report(error);
    return null;
  }
}

/** What the restaurant's object answers. Throws a refusal when there is none, or none in reach. */
async function ask<T>(
  env: Env,
  restaurantId: string,
  question: (restaurant: DurableObjectStub<RestaurantObject>) => Promise<Answer<T>>,
): Promise<Answer<T>> {
  if (!isRestaurantId(restaurantId)) throw refusal("unknown_restaurant");
  try {
    return await question(objectOf(env, restaurantId));
  } catch (error) {
    report(error);
    throw refusal("restaurant_unavailable");
  }
}

function unanswered(refused: Refused): Response {
  const { why, ...members } = refused;
  // What has no code of its own is a want of room.
  return isProblem(why) ? problem(why, members) : problem("no_room", { fault: why });
}

function objectOf(env: Env, restaurantId: string): DurableObjectStub<RestaurantObject> {
  return env.RESTAURANTS.getByName(restaurantId);
}

/** For the operator's log: whoever asked is told a code, never what went wrong inside. */
function report(error: unknown): void {
  // oxlint-disable-next-line no-console
  console.error(error);
}
