// The image of a core, as a snapshot has it.

import type { Core } from "../../engine/core/core.ts";
import { decodeSnapshot, encodeSteps, type Snapshot } from "../../engine/store/snapshot.ts";
import { drained } from "../../engine/store/steps.ts";

export type Image = Pick<Snapshot, "state" | "told">;

export function imageOf(core: Core): Image {
  const standing = { position: 0, judgedSince: 0, since: 0, plan: "", poisoned: [] };
  const bytes = drained(encodeSteps(standing, () => core.image()));
  const { state, told } = decodeSnapshot(bytes)!;
  return { state, told };
}
