// Valid events, and mutations of their bytes.

import type { Random } from "../event/random.ts";
import { CLOUD_SAMPLE, lineWith } from "./sample.ts";

export const SEEDS: readonly string[] = [
  lineWith({}),
  lineWith({
    data: '{"n":[1,-2.5e3,0.125,true,false,null],"s":"a\\u00e9\\ud83c\\udf63\\n","o":{}}',
  }),
  lineWith({ data: '{"crème":"寿司 🍣","é":{"a":[[],{}]},"x":""}', extra: '" \\\\ "' }),
  lineWith({ eventversion: '"1.2"' }, CLOUD_SAMPLE),
];

const PIECES: readonly string[] = [
  ...'{}[]:,"\\ \t\n-+.eE019aftnu/',
  ..."null true \\u \\ud83c \\udf63 1e999 é 🍣 \u0000 \u001f [[ {} // NaN".split(" "),
  ...'"a":1 "__proto__": "data": ""'.split(" "),
];

/** One of `lines`, changed in up to three places. */
export function mutated(random: Random, lines: readonly string[] = SEEDS): Uint8Array {
  let bytes = Buffer.from(random.pick(lines));
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(bytes.length);
    const cut = at + random.below(random.pick([1, 2, 2, 8]));
    const piece =
      random.below(6) === 0 ? Buffer.of(random.below(256)) : Buffer.from(random.pick(PIECES));
    const insert = random.below(4) === 0 ? Buffer.alloc(0) : piece;
    bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(cut)]);
  }
  return bytes;
}
