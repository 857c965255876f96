/**
 * Resumes a read of a snapshot after a break. Spanner marks parts with tokens, after which it can continue
 * exactly; but the parts that follow a token may differ from one attempt to the next. So parts are held
 * back until a token covers them, and parts without one are read again after a break. If no token comes for
 * long, parts are passed on to bound the memory, and until the next token a break ends the read.
 */
import type { Clock } from '../../../foundations/clock.ts';
import type { Random } from '../../../foundations/random.ts';
import { backoffMs } from '../../../foundations/retry.ts';
import type { ResultPart } from '../calls/client.ts';
import { isBroken } from '../errors.ts';

export interface ResumeConfig {
  readonly clock: Clock;
  readonly random: Random;
}

const BACKOFF = { initialMs: 20, maxMs: 1000 };
/** The limit of consecutive attempts without a token between them. */
const MAX_ATTEMPTS = 6;
/** Spanner's parts have up to some megabytes, and nearly all of them have a token. */
const MAX_HELD = 16;

/** Calls `open` with the token to continue after; without a token, the read begins again. */
export async function* resume(
  open: (token: Uint8Array | undefined) => AsyncIterable<ResultPart>,
  { clock, random }: ResumeConfig,
): AsyncGenerator<ResultPart, void, void> {
  let token: Uint8Array | undefined;
  let held: ResultPart[] = [];
  let isResumable = true;
  for (let attempt = 1; ; attempt++) {
    try {
      for await (const part of open(token)) {
        held.push(part);
        if (part.resumeToken && part.resumeToken.length > 0) {
          token = part.resumeToken;
          isResumable = true;
          attempt = 1;
        } else if (held.length > MAX_HELD) isResumable = false;
        else if (isResumable) continue;
        yield* held;
        held = [];
      }
      yield* held;
      return;
    } catch (error) {
      if (attempt >= MAX_ATTEMPTS || !isResumable || !isBroken(error)) throw error;
    }
    held = [];
    await clock.sleep(backoffMs(BACKOFF, attempt, random));
  }
}
