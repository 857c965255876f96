/** Exponential back-off with full jitter, and a loop that retries within bounds. */
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

export interface Backoff {
  readonly initialMs: number;
  readonly maxMs: number;
  /** The growth per attempt; 2 by default. */
  readonly factor?: number;
}

export interface RetryPolicy {
  readonly backoff: Backoff;
  /** The total number of attempts, including the first. */
  readonly maxAttempts: number;
  readonly isRetryable: (error: unknown) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal;
}

/** Returns the upper bound of the delay after `attempt` (1 is the first) has failed. */
export function backoffCeilingMs(backoff: Backoff, attempt: number): number {
  const grown = backoff.initialMs * (backoff.factor ?? 2) ** (attempt - 1);
  return Math.min(backoff.maxMs, grown);
}

/**
 * Returns a delay that is uniform in [0, ceiling): "full jitter", which spreads a herd of retries best
 * (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
export function backoffMs(backoff: Backoff, attempt: number, random: Random): number {
  return random() * backoffCeilingMs(backoff, attempt);
}

/**
 * Runs `fn` until it succeeds. Throws the last error if it is not retryable, if the attempts are used up, or
 * if `signal` aborts.
 */
export async function retry<T>(
  policy: RetryPolicy,
  fn: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fn(attempt);
    } catch (error) {
      if (attempt >= policy.maxAttempts || policy.signal?.aborted) throw error;
      if (!policy.isRetryable(error)) throw error;
      const delayMs = backoffMs(policy.backoff, attempt, policy.random);
      await policy.clock.sleep(delayMs, policy.signal);
      if (policy.signal?.aborted) throw error;
    }
  }
}
