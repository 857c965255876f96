/**
 * Weighs a message in JSON without parsing it: each object or list is a message, each element a field. A name
 * that no field of the API has is the key of a map, or of a structure; unknown fields are parsed as well.
 */
import { FIELD_NAMES } from './field-names.ts';
import { MessageWeight } from './message-weight.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const SPACE = 0x20;
const BRACKET = 0x5b;
const BRACE = 0x7b;
const LONGEST_NAME = Math.max(...[...FIELD_NAMES].map(({ length }) => length));
/** From `[` to `]`, and from `{` to `}`. */
const TO_CLOSING = 2;

/**
 * Throws `resource-exhausted` if the text is too heavy, and `invalid-argument` if it nests too deeply.
 * Whether it is JSON at all is left to the parser.
 */
export function scanJson(bytes: Uint8Array): void {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const weight = new MessageWeight();
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      const start = at + 1;
      at = endOfString(bytes, at);
      if (isKey(bytes, at) && !isFieldName(text, start, at)) weight.addKey();
    } else if (byte === COMMA) weight.addFields(1);
    else if (byte === BRACKET || byte === BRACE) {
      depth++;
      weight.addMessage(depth);
      weight.addFields(1);
    } else if (byte === BRACKET + TO_CLOSING || byte === BRACE + TO_CLOSING) depth--;
  }
}

/** Whether a colon follows the closing quote. Blanks, tabs and line breaks may come between them. */
function isKey(bytes: Uint8Array, quote: number): boolean {
  let after = quote + 1;
  while ((bytes[after] ?? COLON) <= SPACE) after++;
  return bytes[after] === COLON;
}

/** A name with escapes counts as one that no field has. */
function isFieldName(text: Buffer, start: number, end: number): boolean {
  if (end - start > LONGEST_NAME) return false;
  return FIELD_NAMES.has(text.toString('latin1', start, end));
}

/** Returns the place of the closing quote, or the end of the text. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(QUOTE, start + 1); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    if (!isEscaped(bytes, at, start)) return at;
  }
  return bytes.length;
}

/** Whether an odd number of backslashes comes before the place. */
function isEscaped(bytes: Uint8Array, place: number, start: number): boolean {
  let before = place - 1;
  while (before > start && bytes[before] === BACKSLASH) before--;
  return (place - 1 - before) % 2 === 1;
}
