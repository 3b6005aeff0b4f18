// A planted mistake: one wrong character or word.

export interface Mistake {
  /** The file's name in assembly/. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly from: string;
  readonly to: string;
  readonly what: string;
}

export type Part = readonly [name: string, mistakes: readonly Mistake[]];

export function mistakesIn(
  file: string,
  ...mistakes: readonly (readonly [what: string, from: string, to: string])[]
): Mistake[] {
  return mistakes.map(([what, from, to]) => ({ file, from, to, what }));
}

/** What became of a mistake. */
export interface Detected {
  /** What caught it; null: it survived. */
  readonly by: "oracle" | "edge" | "twin" | "load" | "compiler" | "time" | null;
  /** The cases it took; of the twin, the seed of the last. */
  readonly cases: number;
  readonly failure: string;
}
