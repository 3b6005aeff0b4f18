// The Worker that the store suite runs in: an empty Durable Object, whose storage the tests use.

import { DurableObject } from "cloudflare:workers";

export interface StoreEnv {
  readonly STORES: DurableObjectNamespace<StoreObject>;
}

export class StoreObject extends DurableObject<StoreEnv> {}

export default {
  fetch(): Response {
    return new Response("This Worker is for tests only.\n", { status: 404 });
  },
};
