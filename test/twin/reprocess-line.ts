// Reprocessing as a line of a feed: the fact as an exported log has it.

import type { Line } from "../model.ts";

export interface Asked {
  readonly query: string;
  readonly from: number;
  readonly to: number;
}

export function reprocessLine(asked: Asked): Line {
  return { text: JSON.stringify({ fact: { reprocess: asked } }), receivedAt: null };
}

export function isReprocess({ text }: Line): boolean {
  return text.startsWith('{"fact":');
}

export function reprocessIn({ text }: Line): Asked {
  return (JSON.parse(text) as { readonly fact: { readonly reprocess: Asked } }).fact.reprocess;
}
