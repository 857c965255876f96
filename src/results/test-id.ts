/** The rules for ids of tests and values of variants: printable Unicode in NFC; ids have up to 512 bytes. */
import { CodedError } from '@postlude/queue/foundations';

export const MAX_TEST_ID_BYTES = 512;

// Control characters, halves of surrogate pairs, private use, unassigned; line and paragraph
// separators.
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;
/** Joiners that scripts and emoji need, though they print nothing by themselves. */
const JOINERS = /[\u200c\u200d]/g;

/** Throws `invalid-argument` with a message that says what is wrong. */
export function checkTestId(testId: string): string {
  const problem = problemOf(testId);
  if (problem !== undefined) throw new CodedError('invalid-argument', problem);
  return testId;
}

function problemOf(testId: string): string | undefined {
  if (testId === '') return 'must not be empty';
  const size = Buffer.byteLength(testId);
  if (size > MAX_TEST_ID_BYTES) {
    return `has ${size} bytes; at most ${MAX_TEST_ID_BYTES} are allowed`;
  }
  return problemOfPrintable(testId);
}

/** Returns what keeps a text from being printable Unicode in NFC, or `undefined` if nothing does. */
export function problemOfPrintable(text: string): string | undefined {
  const unprintable = UNPRINTABLE.exec(text.replace(JOINERS, ''))?.[0];
  if (unprintable !== undefined) {
    const code = unprintable.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
    return `must be printable; U+${code} is not`;
  }
  if (text !== text.normalize('NFC')) return 'must be in the Unicode normal form NFC';
  return undefined;
}
