// `npm run build`: the core by asc, one small module for each way in which a host loads it, the
// library's declarations and JavaScript by tsc, the command line as one file, and the page's and the
// worker's as one file each, for pages without a bundler.

import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { inlined } from "./inline.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const core = `${root}dist/core`;

function run(name: string, ...args: string[]): void {
  execFileSync(`${root}node_modules/.bin/${name}`, args, { cwd: root, stdio: "inherit" });
}

/** A host's module: its default export gives the compiled core. */
function writeLoaders(): void {
  // workerd compiles no bytes: it takes WebAssembly by static import only.
  writeFileSync(
    `${core}/workerd.js`,
    `import core from "./core.wasm";\nexport default () => core;\n`,
  );
  writeFileSync(
    `${core}/node.js`,
    [
      `import { readFile } from "node:fs/promises";`,
      `const file = new URL("./core.wasm", import.meta.url);`,
      // Once a process, however many engines it opens.
      `let compiled;`,
      `export default async () => (compiled ??= await WebAssembly.compile(await readFile(file)));`,
      ``,
    ].join("\n"),
  );
  // Inline, since a URL inside a dependency breaks in some bundlers.
  writeFileSync(
    `${core}/browser.js`,
    [
      `const bytes = () => ${inlined(readFileSync(`${core}/core.wasm`))};`,
      `let compiled;`,
      `export default () => (compiled ??= WebAssembly.compile(bytes()));`,
      ``,
    ].join("\n"),
  );
}

async function buildCommandLine(): Promise<void> {
  await build({
    configFile: false,
    root,
    logLevel: "warn",
    publicDir: false,
    ssr: { noExternal: true },
    build: {
      ssr: `${root}engine/cli.ts`,
      outDir: `${root}dist`,
      emptyOutDir: false,
      target: "node22",
      minify: false,
      rolldownOptions: {
        external: [/^node:/, "#core-wasm"],
        output: { entryFileNames: "cli.js", codeSplitting: false },
      },
    },
  });
  const file = `${root}dist/cli.js`;
  writeFileSync(file, `#!/usr/bin/env node\n${readFileSync(file, "utf8").replace(/^#!.*\n/, "")}`);
  chmodSync(file, 0o755);
}

/** Vite would bundle the worker into the page's file, where these words stand. */
const WORKER_URL = `new URL("./worker.js", import.meta.url)`;
const WORKER_URL_KEPT = "__MILLRACE_WORKER_URL__";

/** `dist/browser/NAME.js`, with all that it imports. */
async function buildForPages(name: "index" | "worker"): Promise<void> {
  await build({
    configFile: false,
    root,
    logLevel: "warn",
    publicDir: false,
    plugins: [
      {
        name: "worker-url",
        enforce: "pre",
        transform: (code) => code.replace(WORKER_URL, WORKER_URL_KEPT),
        generateBundle(_, bundle) {
          for (const file of Object.values(bundle)) {
            if (file.type === "chunk") file.code = file.code.replace(WORKER_URL_KEPT, WORKER_URL);
          }
        },
      },
    ],
    build: {
      outDir: `${root}dist/browser`,
      emptyOutDir: false,
      target: "es2024",
      modulePreload: false,
      reportCompressedSize: false,
      rolldownOptions: {
        input: `${root}dist/engine/browser/${name}.js`,
        preserveEntrySignatures: "strict",
        output: { entryFileNames: `${name}.js`, codeSplitting: false },
      },
    },
  });
}

mkdirSync(core, { recursive: true });
run("asc", "--target", "release");
run("asc", "--target", "debug");
writeLoaders();
if (!process.argv.includes("--core")) {
  run("tsc", "-b", "engine");
  await buildCommandLine();
  await buildForPages("index");
  await buildForPages("worker");
}
