/**
 * Checks of requests. A message says which field is wrong by its path in the request, as in
 * `requests[3]: test_result: test_id: must not be empty`.
 */
import { CodedError, hasCode } from '@postlude/queue/foundations';

export function invalid(message: string): CodedError {
  return new CodedError('invalid-argument', message);
}

/** Runs a check, and puts `field` in front of its `invalid-argument` messages. */
export function inField<T>(field: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw named(field, error);
  }
}

/** Runs a check on each of `items`. Messages name the index of the item. */
export function inEach<T, R>(
  field: string,
  items: readonly T[],
  check: (item: T, index: number) => R,
): R[] {
  const checked: R[] = [];
  try {
    for (const item of items) checked.push(check(item, checked.length));
  } catch (error) {
    throw named(`${field}[${checked.length}]`, error);
  }
  return checked;
}

function named(field: string, error: unknown): unknown {
  if (!hasCode(error, 'invalid-argument')) return error;
  return new CodedError('invalid-argument', `${field}: ${error.message}`, { cause: error });
}

export function requireMatch(value: string, pattern: RegExp): string {
  if (value === '') throw invalid('must not be empty');
  if (!pattern.test(value)) throw invalid(`does not match ${pattern.source}`);
  return value;
}

/** Also refuses NUL and unpaired surrogates, which no database stores. */
export function requireText(value: string, maxBytes: number): string {
  if (!value.isWellFormed()) throw invalid('is not valid Unicode');
  if (value.includes('\0')) throw invalid('must not contain NUL');
  const size = Buffer.byteLength(value);
  if (size > maxBytes) throw invalid(`has ${size} bytes; at most ${maxBytes} are allowed`);
  return value;
}

export function requireAtMost(items: readonly unknown[], limit: number, noun: string): void {
  if (items.length > limit) {
    throw invalid(`${items.length} ${noun}; at most ${limit} are allowed`);
  }
}
