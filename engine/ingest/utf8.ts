// Text as bytes and back. Validity is judged by our own table of ranges (Unicode, table 3-7), the
// same on every host; what was judged valid is decoded by the host. In the other direction a lone
// surrogate, which UTF-8 cannot hold, becomes three bytes that are invalid, so that its line ends
// as `invalid_utf8` and never as a silent U+FFFD.

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const ENCODER = new TextEncoder();

/** Decodes bytes that are known to be valid. A byte-order mark stays. */
export function decodeUtf8(bytes: Uint8Array): string {
  return DECODER.decode(bytes);
}

/** How many bytes the valid character at `at` takes, or 0. */
function characterBytes(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return (second & 0xc0) === 0x80 ? 2 : 0;
  const third = bytes[at + 2] ?? 0;
  if ((third & 0xc0) !== 0x80) return 0;
  if (lead < 0xf0) {
    const low = lead === 0xe0 ? 0xa0 : 0x80;
    const high = lead === 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high ? 3 : 0;
  }
  if (((bytes[at + 3] ?? 0) & 0xc0) !== 0x80) return 0;
  const low = lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xf4 ? 0x8f : 0xbf;
  return second >= low && second <= high ? 4 : 0;
}

/** No overlong forms, no surrogates, nothing beyond U+10FFFF, nothing cut off. */
export function isUtf8(bytes: Uint8Array): boolean {
  const end = bytes.length;
  let at = 0;
  while (at < end && bytes[at]! < 0x80) at++;
  while (at < end) {
    const length = characterBytes(bytes, at);
    if (length === 0) return false;
    at += length;
  }
  return true;
}

/** The text's bytes; a lone surrogate becomes three bytes that are not valid UTF-8. */
export function encodeUtf8(text: string): Uint8Array {
  if (text.isWellFormed()) return ENCODER.encode(text);
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = text.charCodeAt(at + 1);
    if (unit < 0xdc00 && next >= 0xdc00 && next <= 0xdfff) {
      at++;
      continue;
    }
    length += ENCODER.encodeInto(text.slice(from, at), bytes.subarray(length)).written;
    bytes[length++] = 0xed;
    bytes[length++] = 0x80 | ((unit >> 6) & 0x3f);
    bytes[length++] = 0x80 | (unit & 0x3f);
    from = at + 1;
  }
  length += ENCODER.encodeInto(text.slice(from), bytes.subarray(length)).written;
  return bytes.slice(0, length);
}
