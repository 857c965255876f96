/** Weighs a message in JSON without parsing it: each object or list is a message, each element a field. */
import { MessageWeight } from './message-weight.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const BRACKET = 0x5b;
const BRACE = 0x7b;
/** From `[` to `]`, and from `{` to `}`. */
const TO_CLOSING = 2;

/**
 * Throws `resource-exhausted` if the text is too heavy, and `invalid-argument` if it nests too deeply.
 * Whether it is JSON at all is left to the parser.
 */
export function scanJson(bytes: Uint8Array): void {
  const weight = new MessageWeight();
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) at = endOfString(bytes, at);
    else if (byte === COMMA) weight.addFields(1);
    else if (byte === BRACKET || byte === BRACE) {
      depth++;
      weight.addMessage(depth);
      weight.addFields(1);
    } else if (byte === BRACKET + TO_CLOSING || byte === BRACE + TO_CLOSING) depth--;
  }
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
