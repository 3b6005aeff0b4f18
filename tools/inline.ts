// Bytes as text in a module: one printable character for each of the bytes that come often, and for
// each of the pairs that do; two for the others. It is three tenths longer than base64 of what was
// deflated, but what repeats in the bytes repeats in the text, so that brotli, on the wire, makes
// hardly more of it than of the bytes themselves; and the host needs no inflating.
//
// Brotli foresees a character by the kinds of the two before it, as they are in prose: punctuation
// of some sorts, digits, capitals, vowels. So the bytes that are alike in what follows them stand
// for characters of one kind: instructions that have an operand, say.

/** From `#` to `~`, without the backslash: no bundler has anything to escape in them. */
const FIRST = 0x23;
const BACKSLASH = 0x5c;
const CHARACTERS = 0x7e - FIRST;
const BYTES = 0x100;

/**
 * What each character stands for: a byte; two, the first of them times 256; or, below 0, which part
 * of the others the next character is one of. Any order is right; this one was found for the core,
 * whose instructions do not change their ways from one build to the next (inline-order.ts).
 */
export const ORDER: readonly number[] = [
  13826, 10499, 32, 10242, -2, 32896, -3, 192, 11520, 16, 128, 65, 144, 5, 4, 124, 7, 1, 126, 32513,
  2, 96, 3, 36, 48, 133, -1, 132, 27170, 34, 15, 12, 127, 27, 107, 70, 71, 6, 10, 73, 253, 13, 24,
  14, 16644, 80, 11, 69, 64, 125, 0, 2827, 9, 113, 75, 8, 66, 3073, 14083, 160, 33, 68, 8194, 16640,
  134, 16641, 8198, 1088, 3851, 16656, 1151, 8193, 8192, 20, 8197, 114, 832, 136, 8195, 173, 16897,
  116, 8196, 8199, 106, 26, 31, 35, 1857, 252, 65535,
];

/** An expression, of the type Uint8Array. */
export function inlined(bytes: Uint8Array): string {
  const text = textOf(bytes, ORDER);
  return `(${decode})(${bytes.length}, ${JSON.stringify(ORDER)}, ${JSON.stringify(text)})`;
}

export function textOf(bytes: Uint8Array, order: readonly number[]): string {
  const characters = new Map(order.map((found, index) => [found, characterOf(index)]));
  const others = [...Array(BYTES).keys()].filter((byte) => !characters.has(byte));
  let text = "";
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    const two = byte * BYTES + (bytes[at + 1] ?? NaN);
    if (two >= BYTES && characters.has(two)) {
      text += characters.get(two);
      at++;
    } else if (characters.has(byte)) {
      text += characters.get(byte);
    } else {
      const index = others.indexOf(byte);
      text += characters.get(-1 - Math.floor(index / CHARACTERS));
      text += characterOf(index % CHARACTERS);
    }
  }
  return text;
}

function characterOf(index: number): string {
  const code = FIRST + index;
  return String.fromCharCode(code < BACKSLASH ? code : code + 1);
}

/** Stands in the module as it is here: plain JavaScript, which knows nothing around it. */
const decode = `(length, order, text) => {
  const others = [...Array(${BYTES}).keys()].filter((byte) => !order.includes(byte));
  const bytes = new Uint8Array(length);
  let count = 0;
  let skipped = -1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const index = code - ${FIRST} - (code > ${BACKSLASH});
    const found = skipped < 0 ? order[index] : others[skipped + index];
    skipped = found < 0 ? (-1 - found) * ${CHARACTERS} : -1;
    if (found >= ${BYTES}) bytes[count++] = found >> 8;
    // Of two bytes the lower half.
    if (found >= 0) bytes[count++] = found;
  }
  return bytes;
}`;
