/**
 * Runs read-write transactions, and runs them again if Spanner aborts them: after the pause that it asks for,
 * and in the same session, whose age gives the next attempt a better chance.
 */
import type { Clock, EpochMs } from '../../../foundations/clock.ts';
import { hasCode } from '../../../foundations/errors.ts';
import type { Random } from '../../../foundations/random.ts';
import { backoffMs } from '../../../foundations/retry.ts';
import type { WriteOptions } from '../../database.ts';
import { readNow } from '../../time.ts';
import { hasFromNow, resolveFromNow, type WriteGroup } from '../../writes.ts';
import type { SpannerClient, TransactionOptions } from '../calls/client.ts';
import type { ServerTime } from '../calls/server-time.ts';
import type { Sessions } from '../calls/sessions.ts';
import { isSessionLost, retryDelayMs } from '../errors.ts';
import { commit } from './commit.ts';
import { toMutations } from './mutations.ts';
import { SpannerTransaction } from './transaction.ts';

export interface WriteConfig {
  readonly client: SpannerClient;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly random: Random;
  readonly serverTime: ServerTime;
  /** For how long to retry, and to try to find out the outcome of a commit; 30 s unless limited. */
  readonly maxRetryMs: number;
}

export interface Written<T> {
  readonly value: T;
  readonly transaction: SpannerTransaction;
}

type WriteFunction<T> = (tx: SpannerTransaction) => Promise<T>;

const READ_WRITE: TransactionOptions = { readWrite: {} };
const BACKOFF = { initialMs: 10, maxMs: 1000 };
const MAX_ATTEMPTS = 200;

/** Commits what `fn` wrote. Throws as Database.write does. */
export async function write<T>(
  config: WriteConfig,
  fn: WriteFunction<T>,
  options: WriteOptions,
): Promise<Written<T>> {
  let endsAt: EpochMs | undefined;
  let attempt = 0;
  for (;;) {
    const outcome = await config.sessions.use(async (session, lose) => {
      endsAt ??= config.clock.monotonicMs() + config.maxRetryMs; // the wait for a session does not count
      for (;;) {
        attempt += 1;
        const result = await writeOnce(config, session, fn);
        if (!('error' in result)) return result;
        const isLost = isSessionLost(result.error);
        if (isLost) lose();
        if (!result.isRetryable || attempt >= MAX_ATTEMPTS) throw result.error;
        const delayMs = delayOf(result.error, attempt, config.random);
        if (config.clock.monotonicMs() + delayMs >= endsAt) throw result.error;
        await config.clock.sleep(delayMs, options.signal);
        if (options.signal?.aborted) throw result.error;
        if (isLost) return undefined;
      }
    });
    if (outcome) return outcome;
  }
}

interface Failed {
  readonly error: unknown;
  readonly isRetryable: boolean;
}

async function writeOnce<T>(
  config: WriteConfig,
  session: string,
  fn: WriteFunction<T>,
): Promise<Written<T> | Failed> {
  const { client } = config;
  const transaction = new SpannerTransaction({ client, session, options: READ_WRITE });
  let value: T;
  let groups: readonly WriteGroup[];
  try {
    value = await fn(transaction);
    if (transaction.failure) throw transaction.failure.error;
    groups = await timed(transaction, config);
  } catch (thrown) {
    await rollback(client, session, transaction);
    const { failure } = transaction;
    // An error that `fn` itself throws may have a code, too, but is never retried.
    return failure ? failed(failure.error) : { error: thrown, isRetryable: false };
  }
  try {
    await finish(config, { session, transaction, groups });
    return { value, transaction };
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): Failed {
  return { error, isRetryable: hasCode(error, 'conflict', 'unavailable') };
}

interface Finished {
  readonly session: string;
  readonly transaction: SpannerTransaction;
  readonly groups: readonly WriteGroup[];
}

/** Returns the writes with times in place of `fromNow`. */
async function timed(
  transaction: SpannerTransaction,
  { serverTime }: WriteConfig,
): Promise<readonly WriteGroup[]> {
  const groups = transaction.groups();
  if (!groups.some(hasFromNow)) return groups;
  // A transaction that has read nothing must be begun by some call anyway.
  const ask = () => readNow(transaction, { now: transaction.dialect.now });
  const now = await (transaction.transactionId ? serverTime.now(ask) : serverTime.measure(ask));
  return groups.map((group) => resolveFromNow(group, now));
}

/** Commits a transaction that only read, too: only then is it certain that its locks held. */
async function finish(
  config: WriteConfig,
  { session, transaction, groups }: Finished,
): Promise<void> {
  if (groups.length === 0 && !transaction.transactionId) return;
  const mutations = toMutations(groups);
  const transactionId =
    transaction.transactionId ?? (await config.client.begin(session, READ_WRITE));
  const call = { session, transactionId, mutations };
  await commit(call, { ...config, outcomeTimeoutMs: config.maxRetryMs });
}

async function rollback(
  client: SpannerClient,
  session: string,
  { transactionId }: SpannerTransaction,
): Promise<void> {
  if (!transactionId) return;
  // If this fails, the transaction is gone already, or ends after ten idle seconds.
  await client.rollback(session, transactionId).catch(() => undefined);
}

function delayOf(error: unknown, attempt: number, random: Random): number {
  return (retryDelayMs(error) ?? 0) + backoffMs(BACKOFF, attempt, random);
}
