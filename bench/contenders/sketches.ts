// The three questions with DDSketch (sketches-js, relative accuracy 1 %) for the quantiles.

import { DDSketch } from "@datadog/sketches-js";
import type { Input, Task, TaskName } from "../contender.ts";
import { startWith, type Distribution } from "./distributions.ts";

class Sketch implements Distribution {
  readonly #sketch = new DDSketch({ relativeAccuracy: 0.01 });

  add(value: number): void {
    this.#sketch.accept(value);
  }

  at(quantile: number): number {
    return this.#sketch.getValueAtQuantile(quantile);
  }
}

export function start(_task: TaskName, input: Input): Task {
  return startWith(() => new Sketch(), input);
}
