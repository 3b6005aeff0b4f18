// Planted mistakes: one wrong character or word each, ten in each of seven parts of the core.
// `npm run planted` shows that the tests catch every one (tools/planted.ts).

import type { Part } from "./planted/mistake.ts";
import { numbers } from "./planted/numbers.ts";
import { times } from "./planted/times.ts";

export const parts: readonly Part[] = [...times, ...numbers];
