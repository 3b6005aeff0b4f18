/**
 * Which queries take an event type. A route is a small number that names a distinct set of
 * queries; 0 is nobody. All routes are known from the plan alone: which one a type has is decided
 * by its exact name, else by its longest prefix that the plan names, else by `*`. So nothing is
 * remembered of a feed, and a hostile one cannot make the table grow.
 */
import { patternTakes } from "./event-pattern.ts";

export class Router {
  /** Of each route, the indexes of its queries, ascending. */
  readonly routes: readonly (readonly number[])[];
  readonly #exact = new Map<string, number>();
  readonly #prefix = new Map<string, number>();
  /** The route of a type that no pattern names. */
  readonly other: number;

  constructor(queries: readonly { readonly from: readonly string[] }[]) {
    const routes: (readonly number[])[] = [[]];
    const numbers = new Map<string, number>([["", 0]]);
    const routeOf = (type: string): number => {
      const takers = [...queries.keys()].filter((index) =>
        (queries[index]?.from ?? []).some((pattern) => patternTakes(pattern, type)),
      );
      const name = takers.join(",");
      const known = numbers.get(name);
      if (known !== undefined) return known;
      numbers.set(name, routes.length);
      return routes.push(takers) - 1;
    };
    for (const pattern of new Set(queries.flatMap((query) => query.from))) {
      if (pattern === "*") continue;
      if (pattern.endsWith(".*")) {
        // The prefix with its dot: a type that begins so, and goes on in a way no pattern names, as
        // with a space. The prefix alone may be a type that one does name.
        const prefix = pattern.slice(0, -1);
        this.#prefix.set(prefix, routeOf(`${prefix} `));
      } else {
        this.#exact.set(pattern, routeOf(pattern));
      }
    }
    this.other = routeOf("");
    this.routes = routes;
  }

  /** The types that the plan names, and their routes. */
  get exact(): readonly (readonly [name: string, route: number])[] {
    return [...this.#exact];
  }

  /** The prefixes that the plan names, each with its dot at the end, and their routes. */
  get prefixes(): readonly (readonly [name: string, route: number])[] {
    return [...this.#prefix];
  }

  route(eventType: string): number {
    const exact = this.#exact.get(eventType);
    if (exact !== undefined) return exact;
    if (this.#prefix.size > 0) {
      let dot = eventType.lastIndexOf(".");
      while (dot > 0) {
        const route = this.#prefix.get(eventType.slice(0, dot + 1));
        if (route !== undefined) return route;
        dot = eventType.lastIndexOf(".", dot - 1);
      }
    }
    return this.other;
  }
}
