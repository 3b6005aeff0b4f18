// Text as bytes and back, both strictly. What is not UTF-8 is no text. In the other direction a
// lone surrogate, which UTF-8 cannot hold, becomes three bytes that are invalid, so that its line
// ends as `invalid_utf8` and never as a silent U+FFFD.

// Those of the whole engine; a bundler drops what a page does not use.
export const encoder = /* @__PURE__ */ new TextEncoder();
/** What is not UTF-8 becomes U+FFFD. A text may begin with U+FEFF: a byte-order mark stays. */
export const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true });
const strictDecoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A byte-order mark stays. Null where the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return null;
  }
}

/** How many bytes a well-formed text takes: a pair of surrogates four, two each. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}

/** The text's bytes; a lone surrogate becomes three bytes that are not valid UTF-8. */
export function encodeUtf8(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text);
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  // Every other part is a surrogate that has no partner.
  for (const part of text.split(/(\p{Surrogate})/u)) {
    const unit = part.charCodeAt(0);
    const isLone = !part.isWellFormed();
    if (isLone) bytes.set([0xed, 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)], length);
    length += isLone ? 3 : encoder.encodeInto(part, bytes.subarray(length)).written;
  }
  return bytes.slice(0, length);
}
