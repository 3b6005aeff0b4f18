// What the page of reload.test.ts runs: a till, whose facts are kept in IndexedDB.

import { indexeddb, publisher, type PublisherStats } from "../../engine/publish/index.ts";

export interface Till {
  /** Publishes events of these ids; gives the code of the fault that it meets, or null. */
  publish(ids: readonly string[], note?: string): Promise<string | null>;
  stats(): Promise<PublisherStats>;
}

declare global {
  var till: Till;
}

const out = publisher({ url: "/v1/events", token: "till", store: indexeddb("till") });

globalThis.till = {
  async publish(ids, note = "") {
    const published = ids.map((eventId) =>
      out.publish({
        eventId,
        eventType: "tested",
        eventVersion: "1.0",
        eventTime: "2024-03-15T18:30:00Z",
        correlationId: "c",
        data: { note },
      }),
    );
    try {
      await Promise.all(published);
      return null;
    } catch (error) {
      return (error as { code?: string }).code ?? String(error);
    }
  },
  stats: () => out.stats(),
};
