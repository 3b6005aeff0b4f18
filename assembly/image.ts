// The image: state and told as they lie in memory, which the host copies out and in. The state
// part is what is hashed. An image is read only by the same layout and the same plan
// (engine/store/snapshot.ts keeps both beside it), so no pointer needs to be mended.

import { STATE } from "./layout";
import { reserveState, told } from "./regions";
import { S_TOP } from "./state";
import { restorePages } from "./told-pages";

export function stateBytes(): usize {
  return <usize>load<u32>(S_TOP) - STATE;
}

/**
 * Room in a fresh instance for an image whose head of told was copied in; false where the host has
 * no memory.
 */
export function reserveImage(stateBytes: usize): bool {
  if (!reserveState(stateBytes) || !restorePages()) return false;
  assert(<usize>STATE + stateBytes <= told);
  return true;
}
