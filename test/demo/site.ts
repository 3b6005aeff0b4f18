// Serves a built folder as a static host does: its `_headers` are applied to every answer, a .gz
// is a file like any other. A script can be given words in front, to take something of the browser
// away before it runs.

import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: { readonly [extension: string]: string } = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".gz": "application/gzip",
};

export interface Site {
  readonly url: string;
  /** Words put in front of the worker's script from now on. */
  workerPrefix: string;
  close(): Promise<void>;
}

export async function serve(folder: string): Promise<Site> {
  const headers = readHeaders(await readFile(join(folder, "_headers"), "utf8"));
  const site = { url: "", workerPrefix: "", close: () => end(server) };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const path = normalize(pathname === "/" ? "/index.html" : pathname);
    readFile(join(folder, path)).then(
      (file) => {
        const isWorker = /\/worker-[^/]*\.js$/.test(path);
        const type = TYPES[extname(path)] ?? "application/octet-stream";
        response.writeHead(200, { ...headers, "content-type": type });
        response.end(isWorker ? site.workerPrefix + file.toString() : file);
      },
      () => response.writeHead(404, headers).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  site.url = `http://localhost:${(server.address() as AddressInfo).port}/`;
  return site;
}

function end(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

/** The headers for every path. */
function readHeaders(text: string): { [name: string]: string } {
  const block = text.split(/\n(?=\S)/).find((part) => part.startsWith("/*\n")) ?? "";
  const lines = block
    .split("\n")
    .slice(1)
    .filter((line) => line.includes(":"));
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const;
    }),
  );
}
