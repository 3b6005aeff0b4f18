// The package as its users get it: what `npm pack` makes, in a folder of an application of one page.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright";
import { openTab, ROOT, Site, type Answer } from "./pages.ts";
import { ordersOf, PLAN, QUERY } from "./sample.ts";
import "./page-scope.ts";

const CSP = "content-security-policy";
const STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/** Where a page runs the engine, and the headers that leave it nothing else. */
export const MODES: readonly (readonly [mode: string, answer: Answer])[] = [
  ["worker", { headers: { [CSP]: STRICT } }],
  ["main", { headers: { [CSP]: `${STRICT}; worker-src 'none'` } }],
];

/** The tarball's path. */
export function pack(folder: string): string {
  const words = ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder];
  return join(folder, execFileSync("npm", words, { cwd: ROOT, encoding: "utf8" }).trim());
}

/** A page that imports the packed package, in a folder of its own. */
export class Application {
  readonly folder = mkdtempSync(join(tmpdir(), "millrace-package-"));
  readonly installed = join(this.folder, "node_modules/millrace");

  constructor() {
    mkdirSync(this.installed, { recursive: true });
    const words = ["-xzf", pack(this.folder), "-C", this.installed, "--strip-components=1"];
    execFileSync("tar", words);
    for (const name of ["comlink", "idb"]) {
      symlinkSync(join(ROOT, "node_modules", name), join(this.folder, "node_modules", name));
    }
    this.write("package.json", `{ "type": "module" }`);
    this.write("index.html", pageOf(`<script type="module" src="/app.js"></script>`));
    this.write(
      "app.js",
      `import { connect } from "millrace/browser";\nglobalThis.connect = connect;\n`,
    );
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function pageOf(script: string): string {
  return `<!doctype html><title>app</title>${script}`;
}

/** What `use` tells when all went well. */
export const used = (mode: string): object => ({ mode, accepted: 10, rows: 3 });

/** Connects on `page`, pushes, reads, and says where the engine ran. */
export async function use(page: Page, worker?: string): Promise<object> {
  return page.evaluate(
    async ({ options, query, lines }) => {
      const connection = await connect(options);
      const { accepted } = await connection.push(lines);
      const rows = await connection.view(query).rows();
      const { mode } = await connection.stats();
      return { mode, accepted, rows: rows.length };
    },
    {
      options: { plan: PLAN, name: "app", ...(worker !== undefined && { worker }) },
      query: QUERY,
      lines: ordersOf(0, 10),
    },
  );
}

export async function inContext(
  browser: Browser,
  work: (context: BrowserContext) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext();
  try {
    await work(context);
  } finally {
    await context.close();
  }
}

/** What `use` tells of the page in `folder`, every file of which is sent with `answer`. */
export async function useOf(
  browser: Browser,
  folder: string,
  answer: Answer = {},
  worker?: string,
): Promise<object> {
  const site = await Site.serve(folder);
  site.answers.set("/", answer);
  let told: object = {};
  try {
    await inContext(browser, async (context) => {
      told = await use(await openTab(context, `${site.url}/index.html`), worker);
    });
  } finally {
    await site.close();
  }
  return told;
}
