// Bytes as text in a module: one printable character for each of the bytes that come often, two for
// the others. It is nearly three tenths longer than base64 of what was deflated, but what repeats in
// the bytes repeats in the text, so that brotli, on the wire, makes of it hardly more than of the
// bytes themselves; and the host needs no inflating.

/** From `#` to `~`, without the backslash: no bundler has anything to escape in them. */
const FIRST = 0x23;
const BACKSLASH = 0x5c;
const LAST = 0x7e;
const CHARACTERS = LAST - FIRST;
/** The last two characters announce one of the others, in two halves. */
const OFTEN = CHARACTERS - 2;

/** An expression, of the type Uint8Array. */
export function inlined(bytes: Uint8Array): string {
  const counts = Array.from({ length: 256 }, () => 0);
  for (const byte of bytes) counts[byte]!++;
  const often = [...counts.keys()].sort((a, b) => counts[b]! - counts[a]!).slice(0, OFTEN);
  often.sort((a, b) => a - b);
  const order = orderOf(often);
  const text = Array.from(bytes, (byte) => textOf(order.indexOf(byte))).join("");
  return `(${decode})(${bytes.length}, ${JSON.stringify(often)}, ${JSON.stringify(text)})`;
}

/** All bytes, those that come often first. */
function orderOf(often: readonly number[]): number[] {
  return [...new Set([...often, ...Array(256).keys()])];
}

function textOf(index: number): string {
  if (index < OFTEN) return characterOf(index);
  return characterOf(OFTEN - 1 + Math.floor(index / OFTEN)) + characterOf(index % OFTEN);
}

function characterOf(index: number): string {
  const code = FIRST + index;
  return String.fromCharCode(code < BACKSLASH ? code : code + 1);
}

/** Stands in the module as it is here: plain JavaScript, which knows nothing around it. */
const decode = `(length, often, text) => {
  const order = [...new Set([...often, ...Array(256).keys()])];
  const bytes = new Uint8Array(length);
  let count = 0;
  let skipped = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const index = code - ${FIRST} - (code > ${BACKSLASH});
    if (index < ${OFTEN}) {
      bytes[count++] = order[skipped + index];
      skipped = 0;
    } else {
      skipped = (index - ${OFTEN - 1}) * ${OFTEN};
    }
  }
  return bytes;
}`;
