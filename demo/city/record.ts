// The command `npm run record`: simulates the city's Friday and writes the recording, one event a
// line in the order of arrival, and the truth beside it. The same seed gives the same bytes on
// every machine (before gzip, which promises no equal bytes).

import { Buffer } from "node:buffer";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { calendar } from "./calendar.ts";
import { simulate } from "./evening.ts";
import { transmit } from "./network.ts";
import { tellTruth, type Truth } from "./truth.ts";

const USAGE = "npm run record -- [--seed N] [--restaurants R] [--hours H] [--out FILE.ndjson[.gz]]";

/** What is shipped: the Friday of the story. */
const SHIPPED = { seed: 20240315, restaurants: 250, hours: 4 };
const SHIPPED_FILE = fileURLToPath(new URL("../recorded/friday.ndjson.gz", import.meta.url));

const NEWLINE = Buffer.from("\n");

/** A dinner must be over before the night is, and a larger city does not fit into memory. */
const HOURS_MAX = 6;
const RESTAURANTS_MAX = 2000;

interface Request {
  seed: number;
  restaurants: number;
  hours: number;
  out: string;
}

function main(): void {
  const request = readRequest(process.argv.slice(2));
  if (typeof request === "string") {
    process.stderr.write(`${request}\nusage: ${USAGE}\n`);
    process.exitCode = 2;
    return;
  }
  const { seed, restaurants, hours, out } = request;
  const evening = simulate(seed, restaurants, calendar(hours));
  const lines = transmit(seed, evening);
  const truth = tellTruth(seed, evening, lines);
  const recorded = lines.flatMap(({ content }) => [Buffer.from(content), NEWLINE]);
  write(out, Buffer.concat(recorded));
  write(truthFile(out), Buffer.from(`${JSON.stringify(truth)}\n`));
  process.stdout.write(summary(request, truth));
}

/** The request, or a sentence about what is wrong with it. */
function readRequest(args: string[]): Request | string {
  const options = {
    seed: { type: "string" },
    restaurants: { type: "string" },
    hours: { type: "string" },
    out: { type: "string" },
  } as const;
  try {
    const { values } = parseArgs({ args, options });
    const seed = Number(values.seed ?? SHIPPED.seed);
    const restaurants = Number(values.restaurants ?? SHIPPED.restaurants);
    const hours = Number(values.hours ?? SHIPPED.hours);
    if (!Number.isSafeInteger(seed)) return `Got --seed ${values.seed} when a whole number fits.`;
    if (!Number.isInteger(restaurants) || restaurants < 1 || restaurants > RESTAURANTS_MAX) {
      return `Got --restaurants ${values.restaurants} when 1 to ${RESTAURANTS_MAX} fit.`;
    }
    if (!(hours > 0 && hours <= HOURS_MAX)) {
      return `Got --hours ${values.hours} when more than 0 and at most ${HOURS_MAX} fit.`;
    }
    return { seed, restaurants, hours, out: values.out ?? SHIPPED_FILE };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function truthFile(out: string): string {
  const zipped = out.endsWith(".gz") ? ".gz" : "";
  const bare = out.slice(0, out.length - zipped.length).replace(/\.ndjson$/, "");
  return `${bare}.truth.json${zipped}`;
}

function write(file: string, bytes: Buffer): void {
  writeFileSync(file, file.endsWith(".gz") ? gzipSync(bytes, { level: 9 }) : bytes);
}

function summary({ out }: Request, { lines, counts }: Truth): string {
  const told = Object.entries(counts).map(([name, count]) => `  ${name} ${count}`);
  return [`${out}: ${lines} lines`, ...told, ""].join("\n");
}

main();
