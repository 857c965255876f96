/** Reasons of the system for which a database cannot be opened, and what to do. None of them means damage. */
import { CodedError, type ErrorCode, type ErrorReason, toError } from '../../foundations/errors.ts';

interface Trouble {
  /** Node's name for the error. */
  readonly names: readonly string[];
  /** The numbers that Emscripten uses and PGlite throws. */
  readonly numbers: readonly number[];
  /** The message of the C library within PGlite. Node's messages differ. */
  readonly words: RegExp;
  readonly code: ErrorCode;
  readonly reason?: ErrorReason;
  readonly advice: string;
}

const TROUBLES: readonly Trouble[] = [
  {
    names: ['EMFILE', 'ENFILE'],
    numbers: [33, 41],
    // The last one means: PostgreSQL was refused a new file, which was created all the same, and tried again.
    words:
      /No file descriptors available|Too many open files|could not create file "[^"]*": File exists/i,
    code: 'resource-exhausted',
    advice: 'too many files are open: raise the limit (ulimit -n), or close some',
  },
  {
    names: ['ENOSPC', 'EDQUOT'],
    numbers: [51, 19],
    words: /No space left on device|Quota exceeded/i,
    code: 'resource-exhausted',
    reason: 'disk-full',
    advice: 'the disk is full: free some space there',
  },
  {
    names: ['EACCES', 'EPERM'],
    numbers: [2, 63],
    words: /Permission denied|Operation not permitted/i,
    code: 'permission-denied',
    advice: 'this user may not read and write there: change the owner, or run as another user',
  },
  {
    names: ['EROFS'],
    numbers: [69],
    words: /Read-only file system/i,
    code: 'failed-precondition',
    advice: 'the disk is read-only: mount it writable, or configure another folder',
  },
  {
    names: ['ENOMEM'],
    numbers: [48],
    words: /Cannot allocate memory|Out of memory|WebAssembly\.Memory/i,
    code: 'resource-exhausted',
    advice: 'there is not enough memory: the embedded database needs some 600 MB',
  },
  {
    names: ['ENOTDIR', 'EEXIST'],
    numbers: [54, 20],
    words: /Not a directory/i,
    code: 'failed-precondition',
    advice: 'that is not a folder: configure another one',
  },
  {
    names: ['EIO'],
    numbers: [29],
    words: /I\/O error/i,
    code: 'data-loss',
    advice: 'the disk has failed: see the log of the system',
  },
];

/**
 * Returns the error with a code, `place` and what to do; `undefined` if the system is not the cause. `said`
 * has lines of PostgreSQL's log.
 */
export function systemTrouble(
  place: string,
  thrown: unknown,
  said: readonly string[] = [],
): CodedError | undefined {
  if (thrown instanceof CodedError) return thrown;
  const error = toError(thrown);
  const words = [error.message, ...said.filter((line) => /FATAL|PANIC/.test(line))];
  const found = TROUBLES.find(
    ({ names, numbers, words: pattern }) =>
      names.includes(String(propertyOf(thrown, 'code'))) ||
      (propertyOf(thrown, 'name') === 'ErrnoError' &&
        numbers.includes(Number(propertyOf(thrown, 'errno')))) ||
      words.some((line) => pattern.test(line)),
  );
  if (found === undefined) return undefined;
  const { code, reason, advice } = found;
  return new CodedError(code, `${place}: ${advice}`, { cause: error, reason });
}

function propertyOf(thrown: unknown, name: string): unknown {
  return typeof thrown === 'object' && thrown !== null
    ? (thrown as Record<string, unknown>)[name]
    : undefined;
}
