// The page: frames from the worker go into the mirror as they come; the board is drawn from the
// mirror, once a frame of the screen at most, and only when something changed.
//
// `?speed=600` and `?paused=1` say how the replay begins; else as it was left in this tab.

import type { Frame, Speed } from "../replay/protocol.ts";
import { SPEEDS } from "../replay/protocol.ts";
import { Dialog } from "./dialog.ts";
import { FreshnessMark } from "./freshness.ts";
import { Heat } from "./heat.ts";
import { Link } from "./link.ts";
import { Lists } from "./lists.ts";
import { Mirror, WINDOW_MS } from "./mirror.ts";
import { announce, byId, write } from "./page.ts";
import { RestaurantPanel } from "./restaurant.ts";
import { AllRows } from "./rows.ts";
import { Sight } from "./sight.ts";
import { followTheme } from "./theme.ts";
import { Totals } from "./totals.ts";
import { Transport } from "./transport.ts";

const SPEED_DEFAULT: Speed = 60;
const KEY = "millrace-replay";
const DELETE = "Delete the log and start over";
/** How often freshness is looked at when no frame comes. */
const WATCH_MS = 1_000;

interface Manner {
  speed: Speed;
  isPaused: boolean;
}

class Board {
  readonly #mirror = new Mirror();
  readonly #sight = new Sight(this.#mirror);
  readonly #link: Link;
  readonly #heat: Heat;
  readonly #lists: Lists;
  readonly #transport: Transport;
  readonly #dialog = new Dialog();
  readonly #totals = new Totals();
  readonly #restaurant = new RestaurantPanel();
  readonly #freshness = new FreshnessMark();
  readonly #manner = readManner();
  #isDrawDue = false;
  #framedAt = 0;
  #goneReason: string | null = null;

  constructor() {
    this.#link = new Link({
      frame: (frame) => this.#take(frame),
      gone: (reason) => this.#setGone(reason),
    });
    this.#heat = new Heat((restaurantId) => this.#select(restaurantId));
    this.#lists = new Lists(this.#link, this.#dialog);
    new AllRows(this.#mirror, this.#dialog);
    this.#transport = new Transport({
      play: () => this.#setPaused(false),
      pause: () => this.#setPaused(true),
      setSpeed: (speed) => this.#setSpeed(speed),
      look: (at) => this.#look(at),
    });
    byId("over").addEventListener("click", () => this.#askStartOver());
    byId("fault-action").addEventListener("click", () => this.#actOnFault());
    setInterval(() => this.#draw(), WATCH_MS);
  }

  async start(): Promise<void> {
    const { speed, isPaused } = this.#manner;
    try {
      const { lines, density } = await this.#link.start(speed, isPaused);
      this.#transport.open(lines, density);
      this.#draw();
    } catch {
      // The link has already said that the worker is gone.
    }
  }

  #take(frame: Frame): void {
    this.#framedAt = performance.now();
    this.#mirror.take(frame);
    if (frame.isFirst) this.#heat.orderAnew();
    if (this.#isDrawDue) return;
    this.#isDrawDue = true;
    requestAnimationFrame(() => {
      this.#isDrawDue = false;
      this.#draw();
    });
  }

  #draw(): void {
    const { frame } = this.#mirror;
    this.#drawFault(frame);
    if (frame === null) return;
    const now = performance.now();
    const silentMs = Math.max(0, now - this.#framedAt);
    this.#heat.draw(this.#sight, now);
    this.#sight.selected ??= this.#heat.first;
    this.#totals.draw(this.#sight);
    this.#restaurant.draw(this.#sight);
    this.#lists.draw(frame.counts);
    this.#transport.draw(frame, this.#sight.lookedAt);
    this.#freshness.draw(frame, silentMs, this.#goneReason, !this.#sight.isLive);
  }

  #select(restaurantId: string): void {
    this.#sight.selected = restaurantId;
    this.#draw();
    showOnPhone(byId("one"));
  }

  #look(at: number | null): void {
    const last = this.#mirror.windowNow;
    const window = at === null ? null : Math.floor(at / WINDOW_MS) * WINDOW_MS;
    this.#sight.lookedAt = window === null || last === null || window >= last ? null : window;
    this.#heat.orderAnew();
    this.#draw();
  }

  #setPaused(isPaused: boolean): void {
    this.#manner.isPaused = isPaused;
    keepManner(this.#manner);
    void (isPaused ? this.#link.pause() : this.#link.play()).catch(() => {});
  }

  #setSpeed(speed: Speed): void {
    this.#manner.speed = speed;
    keepManner(this.#manner);
    void this.#link.setSpeed(speed).catch(() => {});
  }

  // ── what is wrong ────────────────────────────────────────────────────────────────────────────

  #setGone(reason: string | null): void {
    this.#goneReason = reason;
    if (reason !== null) announce("The worker does not answer.");
    this.#draw();
  }

  #drawFault(frame: Frame | null): void {
    const fault = frame?.fault ?? null;
    byId("fault").hidden = this.#goneReason === null && fault === null;
    if (this.#goneReason !== null) {
      write(byId("fault-words"), "■ The worker does not answer:");
      write(byId("fault-detail"), `${this.#goneReason}. What was accepted is in the log.`);
      write(byId("fault-action"), "Reload the page");
    } else if (fault !== null) {
      write(byId("fault-words"), `■ ${fault.code}:`);
      write(byId("fault-detail"), fault.message);
      write(byId("fault-action"), this.#canPlayOn ? "Try again" : "Start over");
    }
  }

  /** Whether the log was read, so that what failed since can be tried again. */
  get #canPlayOn(): boolean {
    return (this.#mirror.frame?.line ?? 0) > 0;
  }

  #actOnFault(): void {
    if (this.#goneReason !== null) location.reload();
    else if (this.#canPlayOn) this.#setPaused(false);
    else this.#askStartOver();
  }

  #askStartOver(): void {
    const isKept = this.#mirror.frame?.storage.mode !== "memory";
    const what = isKept
      ? "deletes the log that this browser keeps"
      : "forgets what this tab counted";
    const question = `This ${what}, and plays the recording from its beginning.`;
    this.#dialog.ask("Start over?", question, isKept ? DELETE : "Start over", () => {
      this.#sight.lookedAt = null;
      this.#sight.selected = null;
      this.#manner.isPaused = false;
      keepManner(this.#manner);
      void this.#link.startOver().catch(() => {});
    });
  }
}

/** Where the panels stand below one another, the chosen one may be out of sight. */
function showOnPhone(panel: HTMLElement): void {
  if (!matchMedia("(max-width: 900px)").matches) return;
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  panel.scrollIntoView({ block: "nearest", behavior: isCalm ? "auto" : "smooth" });
}

/** How the replay begins: by the address, else as it was left in this tab. */
function readManner(): Manner {
  const words = new URLSearchParams(location.search);
  let kept: Partial<Manner> = {};
  try {
    kept = JSON.parse(sessionStorage.getItem(KEY) ?? "{}") as Partial<Manner>;
  } catch {}
  const speed = SPEEDS.find((each) => String(each) === words.get("speed")) ?? kept.speed;
  const isPaused = words.has("paused") ? words.get("paused") !== "0" : kept.isPaused === true;
  return { speed: SPEEDS.find((each) => each === speed) ?? SPEED_DEFAULT, isPaused };
}

function keepManner(manner: Manner): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(manner));
  } catch {}
}

followTheme();
void new Board().start();
