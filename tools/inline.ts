// Bytes as text in a module: one printable character for each of the bytes that come often, two for
// the others. It is nearly three tenths longer than base64 of what was deflated, but what repeats in
// the bytes repeats in the text, so that brotli, on the wire, makes no more of it than of the bytes
// themselves; and the host needs no inflating.
//
// Brotli foresees a character by the kinds of the two before it, as they are in prose: punctuation
// of some sorts, digits, capitals, vowels. So the bytes that are alike to what follows them stand
// for characters of one kind: an instruction that has an operand, say.

/** From `#` to `~`, without the backslash: no bundler has anything to escape in them. */
const FIRST = 0x23;
const BACKSLASH = 0x5c;
const CHARACTERS = 0x7e - FIRST;
/** What is more than a byte announces one of the others, in two halves. */
const ANNOUNCERS = 0x100;

/**
 * What each character stands for. Any order is right; this one was found by inline-order.ts for the
 * core, whose instructions do not change their ways from one build to the next.
 */
export const ORDER: readonly number[] = [
  240, 155, 16, 134, 256, 66, 32, 132, 136, 128, 108, 257, 137, 5, 1, 126, 127, 113, 253, 64, 11,
  24, 48, 36, 35, 255, 6, 33, 173, 144, 0, 40, 55, 96, 107, 9, 17, 41, 106, 45, 10, 54, 57, 58, 124,
  43, 12, 68, 13, 18, 20, 92, 28, 47, 14, 252, 65, 34, 101, 131, 115, 4, 77, 114, 26, 8, 82, 75, 79,
  2, 81, 71, 83, 69, 167, 7, 100, 112, 27, 118, 70, 3, 15, 80, 125, 73, 116, 224, 133, 192, 160,
];

/** An expression, of the type Uint8Array. */
export function inlined(bytes: Uint8Array): string {
  const text = textOf(bytes, ORDER);
  return `(${decode})(${bytes.length}, ${JSON.stringify(ORDER)}, ${JSON.stringify(text)})`;
}

export function textOf(bytes: Uint8Array, order: readonly number[]): string {
  const others = [...Array(ANNOUNCERS).keys()].filter((byte) => !order.includes(byte));
  const texts = Array.from({ length: ANNOUNCERS }, (_, byte) => {
    const index = others.indexOf(byte);
    if (index < 0) return characterOf(order.indexOf(byte));
    const announcer = order.indexOf(ANNOUNCERS + Math.floor(index / CHARACTERS));
    return characterOf(announcer) + characterOf(index % CHARACTERS);
  });
  return Array.from(bytes, (byte) => texts[byte]!).join("");
}

function characterOf(index: number): string {
  const code = FIRST + index;
  return String.fromCharCode(code < BACKSLASH ? code : code + 1);
}

/** Stands in the module as it is here: plain JavaScript, which knows nothing around it. */
const decode = `(length, order, text) => {
  const others = [...Array(${ANNOUNCERS}).keys()].filter((byte) => !order.includes(byte));
  const bytes = new Uint8Array(length);
  let count = 0;
  let skipped = -1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const index = code - ${FIRST} - (code > ${BACKSLASH});
    const found = skipped < 0 ? order[index] : others[skipped + index];
    if (found < ${ANNOUNCERS}) {
      bytes[count++] = found;
      skipped = -1;
    } else {
      skipped = (found - ${ANNOUNCERS}) * ${CHARACTERS};
    }
  }
  return bytes;
}`;
