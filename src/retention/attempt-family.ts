/**
 * All attempts at one invocation expire together, at the time of the last of them: only the first
 * one knows the number of the newest, and only with the next attempt is it known that the results
 * of one that was superseded do not count.
 */
import type { EpochMs } from '@postlude/queue/foundations';
import type { Reader } from '@postlude/queue/storage';
import { firstAttemptId, readAttempts } from '../invocations/attempts.ts';
import type { InvocationId } from '../invocations/id.ts';
import type { Invocation } from '../invocations/invocation.ts';
import { readInvocation } from '../invocations/invocations.ts';
import type { Expired } from './expired.ts';

/** Returns the ids of all attempts that exist, the newest first and its own among them. */
export async function attemptIds(reader: Reader, expired: Expired): Promise<InvocationId[]> {
  const attempts = await familyOf(reader, expired);
  return attempts === undefined ? [expired.id] : attempts.map(({ id }) => id);
}

/** Returns the same, or nothing if one of them is to be kept. */
export async function expiredAttemptIds(
  reader: Reader,
  expired: Expired,
  now: EpochMs,
): Promise<InvocationId[]> {
  const attempts = await familyOf(reader, expired);
  if (attempts === undefined) return [expired.id];
  const isKept = ({ expirationTime, state }: Invocation): boolean =>
    expirationTime > now || state !== 'FINALIZED';
  return attempts.some(isKept) ? [] : attempts.map(({ id }) => id);
}

/** Returns `undefined` if there is only one attempt. */
async function familyOf(
  reader: Reader,
  { id, mayHaveAttempts }: Expired,
): Promise<Invocation[] | undefined> {
  const first = mayHaveAttempts && (await readInvocation(reader, firstAttemptId(id)));
  if (!first) return undefined;
  const attempts = (await readAttempts(reader, first)).toReversed();
  return attempts.some((attempt) => attempt.id === id) ? attempts : undefined;
}
