// What the events of the bench have in their `data`, written by hand as a catalogue would: each
// member with its type and length. The plain ones have no member of a few values; the one here that
// is, none of them sends.

import type { Schema } from "../dist/engine/query/schema.js";

const ID = { type: "string", required: true, minLength: 1, maxLength: 64 } as const;

export const ORDER_SCHEMA: Schema = {
  type: "order.created",
  fields: [
    { path: "data.orderId", ...ID },
    { path: "data.customerId", ...ID },
    { path: "data.restaurantId", ...ID },
    { path: "data.items", type: "array" },
    { path: "data.currency", type: "string", values: ["EUR", "GBP", "USD"] },
    { path: "data.orderTotal", type: "number", required: true },
  ],
};
