// Twelve bars, one a window: solid once final, dashed so far.

import { makeSvg, setAttribute } from "./page.ts";

const WIDTH = 190;
const HEIGHT = 56;
const PITCH = 16;
const BAR = 12;

export interface Bar {
  readonly value: number;
  readonly isFinal: boolean;
}

export class Bars {
  readonly #svg: SVGElement;
  readonly #rects: SVGElement[] = [];

  constructor(svg: SVGElement) {
    this.#svg = svg;
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  }

  draw(bars: readonly Bar[], label: string): void {
    const most = Math.max(1, ...bars.map(({ value }) => value));
    bars.forEach(({ value, isFinal }, index) => {
      const rect = (this.#rects[index] ??= this.#add(index));
      const height = value === 0 ? 1 : Math.max(3, (value / most) * (HEIGHT - 2));
      setAttribute(rect, "height", height.toFixed(1));
      setAttribute(rect, "y", (HEIGHT - 1 - height).toFixed(1));
      setAttribute(rect, "class", isFinal ? "final" : "so-far");
      setAttribute(rect, "opacity", isFinal ? (0.4 + 0.05 * index).toFixed(2) : "1");
    });
    setAttribute(this.#svg, "aria-label", label);
  }

  #add(index: number): SVGElement {
    const rect = makeSvg("rect", { x: String(index * PITCH + 1), width: String(BAR), rx: "2.5" });
    this.#svg.append(rect);
    return rect;
  }
}
