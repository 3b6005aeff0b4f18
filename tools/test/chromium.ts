// Finds a Chromium that starts, or installs one: $CHROMIUM_PATH, the system's, Playwright's own,
// then (as root on Debian) apt-get, else Playwright's download. A binary counts only once it has
// drawn a page: one without its libraries is there and does not start.
//
// `node tools/test/chromium.ts` prints the path, or one sentence and exit code 1.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { chromium } from "playwright";

/** What every launch here needs: root has no sandbox, and a test asks nobody's servers. */
export const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
] as const;

const SYSTEM_NAMES = [
  "chromium-headless-shell",
  "chromium",
  "chromium-browser",
  "google-chrome",
  "google-chrome-stable",
];
const SHELL_NAME = /^(chrome-headless-shell|headless_shell)(\.exe)?$/;
const PROBE_MS_MAX = 30_000;

/** A Chromium that starts; undefined where there is none yet. */
export function findChromium(): string | undefined {
  const given = process.env["CHROMIUM_PATH"];
  if (given !== undefined && given !== "") {
    if (starts(given)) return given;
    throw new Error(`CHROMIUM_PATH is ${given}, and that does not start: unset it or correct it.`);
  }
  return [...onPath(), ...playwrightsOwn()].find(starts);
}

/** The same, installing one where there is none. */
export function findOrInstallChromium(): string {
  const found = findChromium();
  if (found !== undefined) return found;
  const installed = (installByApt() && findChromium()) || (installByPlaywright() && findChromium());
  if (installed) return installed;
  throw new Error(
    "No Chromium starts here and none could be installed: " +
      "install chromium-headless-shell, or name one in CHROMIUM_PATH.",
  );
}

function starts(path: string): boolean {
  if (!existsSync(path)) return false;
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"];
  const probe = spawnSync(path, [...flags, "data:text/html,ok"], {
    encoding: "utf8",
    timeout: PROBE_MS_MAX,
    killSignal: "SIGKILL",
  });
  return probe.status === 0 && probe.stdout.includes("ok");
}

function onPath(): string[] {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return SYSTEM_NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).filter(
    (path) => existsSync(path),
  );
}

/** Its headless shells, newest first, then the whole browser of the installed version. */
function playwrightsOwn(): string[] {
  const whole = chromium.executablePath();
  const root = dirname(dirname(dirname(whole)));
  const shells = listed(root)
    .filter((name) => name.startsWith("chromium_headless_shell-"))
    .toSorted((a, b) => Number(b.split("-").at(-1)) - Number(a.split("-").at(-1)))
    .flatMap((name) => listed(join(root, name)).map((folder) => join(root, name, folder)))
    .flatMap((folder) => listed(folder).map((file) => ({ folder, file })))
    .filter(({ file }) => SHELL_NAME.test(file))
    .map(({ folder, file }) => join(folder, file));
  return [...shells, whole];
}

function installByApt(): boolean {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !existsSync("/etc/debian_version")) return false;
  process.stderr.write("No Chromium found: installing chromium-headless-shell by apt-get.\n");
  const install = ["install", "-y", "--no-install-recommends", "chromium-headless-shell"];
  // Without the update the package is unknown.
  return run("apt-get", ["update"]) && run("apt-get", install);
}

function installByPlaywright(): boolean {
  process.stderr.write("No Chromium found: installing Playwright's headless shell.\n");
  return run("npx", ["playwright", "install", "--only-shell", "chromium"]);
}

function run(command: string, words: string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync(command, words, { stdio: ["ignore", "ignore", "inherit"], env }).status === 0;
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

if (import.meta.main) {
  try {
    process.stdout.write(`${findOrInstallChromium()}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
