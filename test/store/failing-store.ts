// A store of which one method fails, while a test says so.

import type { Store } from "../../engine/index.ts";

/** `inner`, but that its method `name` throws what `failure` gives, unless that is null. */
export function failingStore(inner: Store, name: keyof Store, failure: () => Error | null): Store {
  return new Proxy(inner, {
    get: (_, asked) => {
      const value: unknown = Reflect.get(inner, asked, inner);
      if (typeof value !== "function") return value;
      return (...words: unknown[]): unknown => {
        const error = asked === name ? failure() : null;
        if (error !== null) throw error;
        return Reflect.apply(value, inner, words);
      };
    },
  });
}
