/**
 * Commits, and if the answer is lost, finds out whether the commit landed by sending it again. Spanner
 * remembers by a transaction's id how it ended, commits it at most once, and gives the same answer again.
 * So no row has to record the commit.
 */
import type { Clock } from '../../../foundations/clock.ts';
import { CodedError, hasCode, toError } from '../../../foundations/errors.ts';
import type { Random } from '../../../foundations/random.ts';
import { backoffMs } from '../../../foundations/retry.ts';
import type { CommitCall, SpannerClient } from '../calls/client.ts';
import { mayHaveLanded, toCommitError } from '../errors.ts';

export interface CommitConfig {
  readonly client: SpannerClient;
  readonly clock: Clock;
  readonly random: Random;
  /** For how long to try to find out the outcome. */
  readonly outcomeTimeoutMs: number;
}

const BACKOFF = { initialMs: 20, maxMs: 1000 };

/**
 * Throws `conflict` or another code if the commit certainly did not land, and `outcome-unknown` if that
 * cannot be found out.
 */
export async function commit(call: CommitCall, config: CommitConfig): Promise<void> {
  const { client, clock, random, outcomeTimeoutMs } = config;
  const endsAt = clock.monotonicMs() + outcomeTimeoutMs;
  let lost: Error | undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      await client.commit(call);
      return;
    } catch (thrown) {
      const error = toCommitError(thrown);
      if (!mayHaveLanded(thrown)) throw lost ? afterLoss(error, lost) : error;
      lost ??= toError(thrown);
      if (clock.monotonicMs() >= endsAt) throw outcomeUnknown(lost);
    }
    await clock.sleep(backoffMs(BACKOFF, attempt, random));
  }
}

/**
 * An aborted transaction had not landed before, either. Any other refusal, for example because the session is
 * gone by now, says nothing about the commit whose answer was lost.
 */
function afterLoss(error: Error, lost: Error): Error {
  return hasCode(error, 'conflict') ? error : outcomeUnknown(lost);
}

function outcomeUnknown(cause: Error): CodedError {
  const message = 'the connection was lost during a commit, which may have landed';
  return new CodedError('outcome-unknown', message, { cause });
}
