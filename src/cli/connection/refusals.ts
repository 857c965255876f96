/**
 * Calls that the server refuses for now, as it has too much to do, or the caller has used up a limit. Nothing
 * of such a call was done, so it is repeated after the time that the server tells, and a random part of it
 * more, so that not all clients come back at once. The time limit of the call includes its repetitions.
 */
import { Code, ConnectError, createContextKey, type Interceptor } from '@connectrpc/connect';
import type { Clock, Random } from '@postlude/queue/foundations';

export interface RefusalParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Called once, with the server's reason. */
  readonly warn: (message: string) => void;
}

/** How long a call is repeated if it has no time limit. */
const GIVE_UP_AFTER_MS = 5 * 60_000;
/** The part of the told time that may be added. */
const JITTER = 0.5;

/** The context key of a function that is called each time the call is refused for now. */
export const refusedKey = createContextKey<() => void>(() => undefined);

/** Returns after how many milliseconds to try again, or `undefined` if the error is no such refusal. */
export function retryAfterMs(error: unknown): number | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  if (error.code !== Code.ResourceExhausted && error.code !== Code.Unavailable) return undefined;
  const told = error.metadata.get('retry-after');
  return told !== null && /^\d{1,9}$/.test(told) ? Number(told) * 1000 : undefined;
}

/** Adds a random part to the told time. */
export function withJitter(toldMs: number, random: Random): number {
  return toldMs * (1 + JITTER * random());
}

/** For unary calls. Streams are repeated by those who read them. */
export function heedRefusals({ clock, random, warn }: RefusalParts): Interceptor {
  let isTold = false;
  const tell = (error: unknown): void => {
    if (!isTold) warn(`${ConnectError.from(error).rawMessage}; waiting`);
    isTold = true;
  };
  return (next) => async (request) => {
    const giveUpAt = clock.monotonicMs() + timeLimitMs(request.header);
    for (;;) {
      try {
        return await next(request);
      } catch (error) {
        const told = retryAfterMs(error);
        if (told === undefined || request.stream) throw error;
        request.contextValues.get(refusedKey)();
        const delayMs = withJitter(told, random);
        if (clock.monotonicMs() + delayMs >= giveUpAt) throw error;
        tell(error);
        await clock.sleep(delayMs, request.signal);
        if (request.signal.aborted) throw error;
      }
    }
  };
}

function timeLimitMs(header: Headers): number {
  const timeout = Number(header.get('connect-timeout-ms') ?? GIVE_UP_AFTER_MS);
  return Math.min(timeout, GIVE_UP_AFTER_MS);
}
