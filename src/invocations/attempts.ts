/**
 * Attempts at one invocation. A CI system that runs a shard again records under the same id; each
 * such attempt is an invocation of its own, so that none waits for another:
 *
 *     shard-1, shard-1.attempt-2, shard-1.attempt-3, …
 *
 * - If an attempt was complete when the next one began, the next one includes it: the results of
 *   both count, as attempts at the same tests.
 * - If it was still ACTIVE, it is superseded: it includes the next attempt, by an inclusion that
 *   says so, and its own results do not count. Invocations that include it, frozen or not, thereby
 *   wait for the next attempt and reach the results of that one.
 * - An ACTIVE invocation that includes an attempt includes the next one, too.
 *
 * The first attempt knows the number of the newest.
 */
import { CodedError } from '@postlude/queue/foundations';
import type { Reader } from '@postlude/queue/storage';
import { type InvocationId, parseInvocationId } from './id.ts';
import type { Invocation } from './invocation.ts';
import { readInvocations } from './invocations.ts';

/** Each request for the next attempt reads those there are. CI systems allow far fewer. */
export const MAX_ATTEMPT = 1_000;

const ATTEMPT_SUFFIX = /\.attempt-\d+$/;

/** Throws `invalid-argument` if `id` names a later attempt instead of the first one. */
export function checkFirstAttempt(id: InvocationId): InvocationId {
  const first = firstAttemptId(id);
  if (first === id) return id;
  throw new CodedError(
    'invalid-argument',
    `${id} names one attempt: open ${first} for the next one`,
  );
}

/** Returns the id of the first attempt at the same invocation. */
export function firstAttemptId(id: InvocationId): InvocationId {
  return id.replace(ATTEMPT_SUFFIX, '') as InvocationId;
}

/** Throws `failed-precondition` if there have been too many attempts, and `invalid-argument` as below. */
export function nextAttemptId(first: InvocationId, number: number): InvocationId {
  if (number <= MAX_ATTEMPT) return laterAttemptId(first, number);
  const problem = `${first} has had all of its ${MAX_ATTEMPT} attempts: open another invocation`;
  throw new CodedError('failed-precondition', problem);
}

/** Returns the id of a later attempt. Throws `invalid-argument` if that would be too long. */
function laterAttemptId(first: InvocationId, number: number): InvocationId {
  return parseInvocationId(`${first}.attempt-${number}`);
}

/** Reads all attempts that exist, the newest last. Numbers may be missing. */
export async function readAttempts(reader: Reader, first: Invocation): Promise<Invocation[]> {
  const numbers = Array.from(
    { length: first.lastAttempt - first.attempt },
    (_, index) => first.attempt + index + 1,
  );
  const later = await readInvocations(
    reader,
    numbers.map((number) => laterAttemptId(first.id, number)),
  );
  return [first, ...[...later.values()].toSorted((a, b) => a.attempt - b.attempt)];
}

/**
 * Returns the newest attempt at each; the id of an invocation that does not exist stays as it is.
 */
export async function newestAttempts(
  reader: Reader,
  ids: readonly InvocationId[],
): Promise<InvocationId[]> {
  const found = await readInvocations(reader, ids);
  return ids.map((id) => {
    const first = found.get(id);
    if (first === undefined || first.lastAttempt <= first.attempt) return id;
    return laterAttemptId(id, first.lastAttempt);
  });
}
