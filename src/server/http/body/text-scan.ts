/**
 * Weighs a message in protobuf's text format without parsing it. Each block in braces counts as a message and as
 * the entry of a map, since the text does not tell these apart.
 */
import { MessageWeight } from './message-weight.ts';

/** Whatever is between these is no structure: comments and strings. */
const QUOTES = new Set(['"', "'"]);
const FIELD_MARKS = new Set([':', ',', ';']);
const OPENING = new Set(['{', '<', '[']);
const CLOSING = new Set(['}', '>', ']']);

/** Throws `resource-exhausted` if the text is too heavy, and `invalid-argument` if it nests too deeply. */
export function scanText(bytes: Uint8Array): void {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const weight = new MessageWeight();
  let depth = 1;
  for (let at = 0; at < text.length; at++) {
    const mark = text.charAt(at);
    if (mark === '#') at = endOfLine(text, at);
    else if (QUOTES.has(mark)) at = endOfString(text, at);
    else if (FIELD_MARKS.has(mark)) weight.addFields(1);
    else if (OPENING.has(mark)) {
      depth++;
      weight.addMessage(depth);
      weight.addFields(1);
      weight.addKey();
    } else if (CLOSING.has(mark)) depth--;
  }
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf('\n', start);
  return end < 0 ? text.length : end;
}

/** A string ends at its line, so a quote that is never closed hides nothing that comes after it. */
function endOfString(text: string, start: number): number {
  const quote = text.charAt(start);
  for (let at = start + 1; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '\\') at++;
    else if (character === quote || character === '\n') return at;
  }
  return text.length;
}
