// An edge over HTTP on this machine: node:http before a real engine, with answers that a test may
// put in its place.

import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import type { Engine } from "../../engine/index.ts";
import { engineOf, planOf } from "../builders.ts";

export interface Asked {
  readonly headers: IncomingMessage["headers"];
  readonly lines: readonly string[];
}

/** In place of the engine's answer; undefined leaves it to the engine. */
export interface Instead {
  readonly status: number;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: unknown;
}

export interface Edge {
  readonly url: string;
  readonly engine: Engine;
  readonly asked: Asked[];
  /** What is answered instead; may wait. */
  instead: (asked: Asked, index: number) => Instead | undefined | Promise<Instead | undefined>;
  close(): Promise<void>;
}

export async function edge(): Promise<Edge> {
  const engine = await engineOf(planOf());
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void answer(request).then(({ status, headers = {}, body }) => {
      response.writeHead(status, { "Content-Type": "application/json", ...headers });
      response.end(JSON.stringify(body ?? {}));
    });
  });
  const answer = async (request: IncomingMessage): Promise<Instead> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const sent = Buffer.concat(parts);
    const bytes = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
    const one = { headers: request.headers, lines: bytes.toString().split("\n") };
    asked.push(one);
    const instead = await running.instead(one, asked.length - 1);
    if (instead !== undefined) return instead;
    const { position, ...receipt } = await engine.push(new Uint8Array(bytes), { format: "ndjson" });
    const isRefused = receipt.invalid.length === receipt.received;
    return { status: isRefused ? 422 : 200, body: { ...receipt, positions: { R: position } } };
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const running: Edge = {
    url: `http://127.0.0.1:${port}/v1/events`,
    engine,
    asked,
    instead: () => undefined,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await engine.close();
    },
  };
  return running;
}
