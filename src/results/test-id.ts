/** The rule for ids of tests: any printable Unicode in NFC, up to 512 bytes of UTF-8. */
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
  const unprintable = UNPRINTABLE.exec(testId.replace(JOINERS, ''))?.[0];
  if (unprintable !== undefined) {
    const code = unprintable.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
    return `must be printable; U+${code} is not`;
  }
  if (testId !== testId.normalize('NFC')) return 'must be in the Unicode normal form NFC';
  return undefined;
}
