// The replay's controls: play, speed, the evening by its orders with the place in it, another hour
// to look at, and the beginning again.

import { SPEEDS, type Density, type Frame, type Speed } from "../replay/protocol.ts";
import { byId, make, makeSvg, setAttribute, write } from "./page.ts";
import { count, minuteTime } from "./reading.ts";

const PAUSE_SHAPE = "M7 5h3.500v14H7zM13.500 5H17v14h-3.500z";
const PLAY_SHAPE = "M8 5l11 7-11 7z";
const HEIGHT = 30;
const PITCH = 6;
const BAR = 4.4;

export interface Controls {
  play(): void;
  pause(): void;
  setSpeed(speed: Speed): void;
  /** Looks at the hour that ends at a recorded time; null: at the latest. */
  look(at: number | null): void;
}

export class Transport {
  readonly #play = byId<HTMLButtonElement>("play");
  readonly #look = byId<HTMLInputElement>("look");
  readonly #back = byId<HTMLButtonElement>("back");
  readonly #svg = byId<SVGElement>("density");
  readonly #speeds = new Map<Speed, HTMLInputElement>();
  readonly #bars: SVGElement[] = [];
  #density: Density = { orders: [], starts: [] };
  #lines = 0;
  #isPlaying = false;
  #speedTold: Speed | null = null;

  constructor(controls: Controls) {
    this.#play.addEventListener("click", () => {
      if (this.#isPlaying) controls.pause();
      else controls.play();
    });
    for (const speed of SPEEDS) {
      const id = `speed-${speed}`;
      const input = make("input", { type: "radio", name: "speed", value: String(speed), id });
      input.addEventListener("change", () => controls.setSpeed(speed));
      byId("speeds").append(input, make("label", { for: id }, `${speed}×`));
      this.#speeds.set(speed, input);
    }
    this.#look.addEventListener("input", () => {
      controls.look(this.#density.starts[Number(this.#look.value)] ?? null);
    });
    this.#back.addEventListener("click", () => controls.look(null));
  }

  /** The shape of the evening, once it is known. */
  open(lines: number, density: Density): void {
    this.#lines = lines;
    this.#density = density;
    const parts = density.orders.length;
    this.#svg.setAttribute("viewBox", `0 0 ${parts * PITCH} ${HEIGHT}`);
    this.#look.max = String(parts - 1);
    const most = Math.max(1, ...density.orders);
    for (const [part, orders] of density.orders.entries()) {
      const height = 1.5 + (orders / most) * (HEIGHT - 2);
      const place = { x: part * PITCH, y: HEIGHT - height, width: BAR, height, rx: 1 };
      const words = Object.entries(place).map(([name, value]) => [name, String(value)] as const);
      const rect = makeSvg("rect", Object.fromEntries(words));
      this.#svg.append(rect);
      this.#bars.push(rect);
    }
    write(byId("span"), spanOf(density));
  }

  draw(frame: Frame, lookedAt: number | null): void {
    this.#isPlaying = frame.state === "playing";
    setAttribute(byId("play-shape"), "d", this.#isPlaying ? PAUSE_SHAPE : PLAY_SHAPE);
    setAttribute(this.#play, "aria-label", this.#isPlaying ? "Pause" : "Play");
    this.#play.disabled = frame.state === "ended" || frame.state === "opening";
    this.#drawSpeed(frame.speed);
    const played = Math.round(frame.progress * this.#bars.length);
    this.#bars.forEach((bar, part) => {
      setAttribute(bar, "class", part < played ? "played" : "to-come");
    });
    const part = lookedAt === null ? played : this.#partOf(lookedAt);
    if (document.activeElement !== this.#look || lookedAt === null) this.#look.value = String(part);
    const at = this.#density.starts[Number(this.#look.value)];
    if (at !== undefined) setAttribute(this.#look, "aria-valuetext", minuteTime(at));
    this.#back.hidden = lookedAt === null;
    const percent = `${Math.round(frame.progress * 100)} %`;
    write(byId("place"), `position ${count(frame.counts.accepted)} · ${percent}`);
    setAttribute(byId("place"), "title", `line ${count(frame.line)} of ${count(this.#lines)}`);
    setAttribute(byId("place"), "data-line", String(frame.line));
  }

  /** What a person just chose stands until the worker says otherwise. */
  #drawSpeed(speed: Speed): void {
    if (speed === this.#speedTold) return;
    this.#speedTold = speed;
    const input = this.#speeds.get(speed);
    if (input !== undefined) input.checked = true;
  }

  #partOf(time: number): number {
    const after = this.#density.starts.findIndex((start) => start > time);
    return after < 0 ? this.#density.starts.length - 1 : Math.max(0, after - 1);
  }
}

function spanOf({ starts }: Density): string {
  const [first] = starts;
  const last = starts.at(-1);
  return first === undefined || last === undefined
    ? ""
    : `Fri ${minuteTime(first)} – Sat ${minuteTime(last)}`;
}
