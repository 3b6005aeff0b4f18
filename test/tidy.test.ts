// Taste as a test: who may import whom, how long things may be, what time and chance may not reach,
// and one word for each thing (semantics.md, "Words"). Sources are read as text; what a message
// names is `file:line`.

import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dirname, join, normalize } from "node:path/posix";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["assembly", "engine", "worker", "demo"];

const FILE_LINES_MAX = 500;
const FUNCTION_LINES_MAX = 70;
const COLUMNS_MAX = 100;

interface Source {
  readonly path: string;
  readonly lines: readonly string[];
  /** The lines without comments and without what stands in quotes. */
  readonly code: readonly string[];
}

function codeOf(text: string): string {
  const token = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;
  return text.replace(token, (found) => {
    const quote = found[0] === "/" ? "" : found[0]!;
    return quote + "\n".repeat(found.split("\n").length - 1) + quote;
  });
}

const sources: readonly Source[] = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !/node_modules|\.wrangler|(^|\/)dist\//.test(name))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(join(ROOT, path), "utf8");
      return { path, lines: text.split("\n"), code: codeOf(text).split("\n") };
    }),
);

/** `file:line` of every line of code for which `isWrong` holds. */
function placesOf(
  isWrong: (line: string, source: Source) => boolean,
  part: "lines" | "code" = "code",
  among: readonly Source[] = sources,
): string[] {
  return among.flatMap((source) =>
    source[part].flatMap((line, index) =>
      isWrong(line, source) ? [`${source.path}:${index + 1}`] : [],
    ),
  );
}

// ── floors ─────────────────────────────────────────────────────────────────────────────────────

/** Low to high (architecture.md); those of one floor do not import one another. */
const FLOORS: readonly (readonly RegExp[])[] = [
  [/^assembly\/layout\.ts$/],
  [/^engine\/event\//],
  [/^engine\/query\//, /^engine\/store\//],
  [/^engine\/core\//, /^engine\/orders\//, /^engine\/publish\//],
  [/^engine\/ingest\//, /^engine\/live\//],
  [/^engine\/reprocess\//, /^engine\/rebuild\//],
  [/^engine\/(?!cli\.)[a-z-]+\.ts$/],
  [/^engine\/fleet\//],
  [/^engine\/browser\//, /^engine\/react\//, /^worker\//, /^engine\/cli(\.ts$|\/)/],
  [/^demo\//],
];

const roomOf = (path: string): { floor: number; room: string } => {
  const floor = FLOORS.findIndex((rooms) => rooms.some((room) => room.test(path)));
  return { floor, room: String(FLOORS[floor]?.find((room) => room.test(path))) };
};

/** Every relative path in quotes that names a source: imports of values and types, and workers. */
function importsOf({ path, lines }: Source): { from: string; to: string; line: number }[] {
  return lines.flatMap((text, index) =>
    [...text.matchAll(/["'](\.{1,2}\/[^"'?]+)(?:\?\w+)?["']/g)].map((match) => {
      const to = normalize(join(dirname(path), match[1]!));
      return {
        from: path,
        to: to.startsWith("assembly/") && !to.endsWith(".ts") ? `${to}.ts` : to,
        line: index + 1,
      };
    }),
  );
}

const known = new Set(sources.map(({ path }) => path));
const imports = sources.flatMap(importsOf).filter(({ to }) => known.has(to));

test("a file imports only from lower floors, types too", () => {
  const upward = imports.filter(({ from, to }) => {
    if (from.startsWith("assembly/")) return !to.startsWith("assembly/");
    const [here, there] = [roomOf(from), roomOf(to)];
    return there.floor < 0 || (there.floor >= here.floor && there.room !== here.room);
  });
  expect(upward.map(({ from, to, line }) => `${from}:${line} imports ${to}`)).toEqual([]);
});

test("every file has a floor", () => {
  const homeless = sources.filter(
    ({ path }) => !path.startsWith("assembly/") && roomOf(path).floor < 0,
  );
  expect(homeless.map(({ path }) => path)).toEqual([]);
});

/** What people, bundlers and hosts start from; the rest is imported by somebody. */
function entries(): Set<string> {
  const config = ["package.json", "asconfig.json", "demo/index.html", "worker/wrangler.jsonc"];
  const found = config.flatMap((name) => {
    const text = readFileSync(join(ROOT, name), "utf8");
    return [...text.matchAll(/[\w./-]+\.(?:ts|js)\b/g)].flatMap(([path]) => {
      const source = path.replace(/^\.?\/?(dist\/)?/, "").replace(/\.js$/, ".ts");
      return [source, join(dirname(name), source)];
    });
  });
  return new Set([...found, "engine/cli.ts", "demo/vite.config.ts"]);
}

test("every file is imported by another, or is where something begins", () => {
  const reached = new Set([...entries(), ...imports.map(({ to }) => to)]);
  const dead = sources.filter(({ path }) => !path.endsWith(".d.ts") && !reached.has(path));
  expect(dead.map(({ path }) => path)).toEqual([]);
});

// ── sizes ──────────────────────────────────────────────────────────────────────────────────────

test("no file is longer than 500 lines", () => {
  const long = sources.filter(({ lines }) => lines.length - 1 > FILE_LINES_MAX);
  expect(long.map(({ path, lines }) => `${path} has ${lines.length - 1}`)).toEqual([]);
});

const STATEMENT =
  /^\s*(?:\} )?(?:if|for|while|switch|else|try|catch|do|class|export class|interface)\b/;
/** A line that opens a function's body: `function`, a method, an arrow, or a signature's end. */
const OPENING = /(?:\bfunction\b.*|=>|\)(?:: .+)?) \{$/;

test("no function is longer than 70 lines", () => {
  const long = sources.flatMap(({ path, code }) =>
    code.flatMap((line, start) => {
      if (!OPENING.test(line) || STATEMENT.test(line)) return [];
      const indent = /^\s*/.exec(line)![0];
      const length = code.slice(start + 1).findIndex((other) => other.startsWith(`${indent}}`)) + 2;
      return length > FUNCTION_LINES_MAX ? [`${path}:${start + 1} has ${length}`] : [];
    }),
  );
  expect(long).toEqual([]);
});

test("no line is longer than 100 columns, but for drawings", () => {
  const wide = placesOf((line) => line.length > COLUMNS_MAX && !/[─-╿]/.test(line), "lines");
  expect(wide).toEqual([]);
});

// ── what is not said ───────────────────────────────────────────────────────────────────────────

test("nothing is `any`", () => {
  expect(placesOf((line) => /(?:[:<|&,(]|\bas|=>) *any\b(?! *[:(])/.test(line))).toEqual([]);
});

/** Hosts have a clock, chance and a console; the rest of the engine is given what it needs. */
const HOSTS =
  /^engine\/(browser\/|cli[./]|publish\/host\.|rebuild\/host-|(store|publish)\/indexeddb\.|wall-clock\.)/;
const engine = sources.filter(({ path }) => path.startsWith("engine/") && !HOSTS.test(path));

test("time and chance are inputs of the engine, and it prints nothing", () => {
  const HOST =
    /\b(?:console\.|Date\.now|new Date\(\)|performance\.|Math\.random|set(?:Timeout|Interval)\b)/;
  expect(placesOf((line) => HOST.test(line), "code", engine)).toEqual([]);
});

test("the engine imports no host's modules", () => {
  const isHost = (line: string): boolean => /from "(?:node:|cloudflare:)/.test(line);
  // A store is of a host, and in an entry point of its own.
  const STORES = ["engine/publish/sqlite.ts", "engine/store/node-sqlite.ts"];
  const hostless = engine.filter(({ path }) => !STORES.includes(path));
  expect(placesOf(isHost, "lines", hostless)).toEqual([]);
});

test("nothing is left to be done", () => {
  expect(placesOf((line) => /\b(?:TODO|FIXME|XXX)\b/.test(line), "lines")).toEqual([]);
});

/** Words of other houses, and ours. */
const WORDS: readonly (readonly [theirs: RegExp, ours: string])[] = [
  [/(?<!high)water-?marks?\b/i, "clock"],
  [/allowed ?lateness/i, "grace"],
  [/\bbucket windows?\b/i, "window"],
  [/\bcheckpoint/i, "snapshot"],
  [/\bdead.?letter/i, "refused, quarantine"],
  [/\bchangelog\b/i, "changes"],
  [/\bstream time\b/i, "clock"],
  [/\bmateriali[sz]ed views?\b/i, "view"],
];

test.each(WORDS)("%s has another word here: %s", (theirs) => {
  expect(placesOf((line) => theirs.test(line) && !line.includes("CHANGELOG"), "lines")).toEqual([]);
});
