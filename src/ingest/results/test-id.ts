/**
 * Makes the id of a test from the names in a report: printable Unicode in NFC, at most 512 bytes, the same
 * for the same names, and different for different names.
 *
 * Unprintable characters are written as escapes. A longer id keeps its beginning and ends in a hash of the
 * whole id.
 */
import { hash } from 'node:crypto';
import { MAX_TEST_ID_BYTES } from '../../results/identity/check-id.ts';

/** Separates the names in an id, from the outermost suite to the test. */
const SEPARATOR = '::';

const UNNAMED = '(unnamed)';

export interface TestId {
  readonly id: string;
  /** All names; differs from `id` only if that was shortened. */
  readonly fullName: string;
  readonly isShortened: boolean;
}

export function testIdOf(suite: readonly string[], name: string): TestId {
  const names = [...suite, name].map((part) => part.trim()).filter((part) => part !== '');
  const fullName = printable(names.join(SEPARATOR)) || UNNAMED;
  if (fitsIn(fullName, MAX_TEST_ID_BYTES)) return { id: fullName, fullName, isShortened: false };
  const suffix = `…${hash('sha256', fullName).slice(0, 16)}`;
  const room = MAX_TEST_ID_BYTES - Buffer.byteLength(suffix);
  return { id: shortenTo(fullName, room) + suffix, fullName, isShortened: true };
}

/** Returns the longest beginning of `text` within `maxBytes` of UTF-8 that does not split a character. */
export function shortenTo(text: string, maxBytes: number): string {
  if (fitsIn(text, maxBytes)) return text;
  const bytes = Buffer.from(text.slice(0, maxBytes));
  let end = Math.min(maxBytes, bytes.length);
  while (end > 0 && isContinuation(bytes[end])) end -= 1;
  return bytes.toString('utf8', 0, end);
}

export function fitsIn(text: string, maxBytes: number): boolean {
  return text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** Everything that servers refuse in ids: control characters, and also joiners and all spaces but one. */
const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;
/** Ids that begin so are reserved: a colon begins a structured id. */
const RESERVED = /^[:*]/;

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function printable(text: string): string {
  const whole = text.replace(RESERVED, asEscape);
  if (/^[\x20-\x7e]*$/.test(whole)) return whole;
  const escaped = whole.normalize('NFC').replaceAll(UNPRINTABLE, asEscape);
  return escaped.normalize('NFC'); // An accent may follow an escape, and combine with its last letter.
}

function asEscape(char: string): string {
  return ESCAPES[char] ?? `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}
