/**
 * Commits, and if the answer is lost, finds out whether the commit landed: by the mark that the transaction
 * itself wrote (commit-marks.ts), never by its id.
 */
import type { Clock } from '../../../foundations/clock.ts';
import { CodedError, hasCode, toError } from '../../../foundations/errors.ts';
import type { Random } from '../../../foundations/random.ts';
import { backoffMs } from '../../../foundations/retry.ts';
import { LOOK } from '../../database.ts';
import type { Connection, Connections } from '../connections/connections.ts';
import { isOwnReason, isRefusedCommit } from '../errors.ts';
import { closeMark, type MarkedTransaction, retireMark } from './commit-marks.ts';
import { transact, withConnection } from './transact.ts';

export interface CommitConfig {
  readonly connections: Connections;
  readonly schema: string;
  readonly clock: Clock;
  readonly random: Random;
  /** For how long to try to find out the outcome. */
  readonly outcomeTimeoutMs: number;
}

/**
 * Commits a transaction that wrote. Throws `unavailable` if it certainly did not land, and `outcome-unknown`
 * if that cannot be found out.
 */
export async function commitWrites(
  connection: Connection,
  marked: MarkedTransaction,
  config: CommitConfig,
): Promise<void> {
  try {
    await commitReads(connection);
  } catch (error) {
    if (isRefusedCommit(error)) throw error;
    connection.release('broken');
    await resolveOutcome(marked, toError(error), config);
    return;
  }
  await retireMark(connection, config.schema).catch(() => connection.release('broken'));
}

/** Commits a transaction without writes, whose outcome does not matter. */
export async function commitReads(connection: Connection): Promise<void> {
  const { command } = await connection.run('COMMIT');
  if (command !== 'COMMIT') {
    throw new CodedError('conflict', 'the database rolled the transaction back');
  }
}

const BACKOFF = { initialMs: 20, maxMs: 1000 };

/** Returns if the transaction landed, and throws otherwise. */
async function resolveOutcome(
  marked: MarkedTransaction,
  cause: Error,
  config: CommitConfig,
): Promise<void> {
  const { clock, random, outcomeTimeoutMs } = config;
  const endsAt = clock.monotonicMs() + outcomeTimeoutMs;
  for (let attempt = 1; ; attempt++) {
    const outcome = await askOutcome(marked, config);
    if (outcome === 'landed') return;
    if (outcome === 'failed') throw failed(cause);
    if (outcome === 'unknowable' || clock.monotonicMs() >= endsAt) throw outcomeUnknown(cause);
    if (outcome === 'in flight') await endTransaction(marked, config);
    await clock.sleep(backoffMs(BACKOFF, attempt, random));
  }
}

/** If the server gave a reason other than that it stops, the caller gets that. */
function failed(cause: Error): Error {
  if (isOwnReason(cause)) return cause;
  return new CodedError('unavailable', 'the connection was lost before the commit', { cause });
}

function outcomeUnknown(cause: Error): CodedError {
  const message = 'the connection was lost during a commit, which may have landed';
  return new CodedError('outcome-unknown', message, { cause });
}

/** `unknowable`: the mark may have been collected, or the database has been closed meanwhile. */
type Outcome = 'landed' | 'failed' | 'in flight' | 'unreachable' | 'unknowable';

/** How long a transaction may take to end by itself. */
const LOCK_TIMEOUT = '500ms';

/** The limit for asking on one connection, as whatever cut off the commit may have silenced others, too. */
async function askOutcome(marked: MarkedTransaction, config: CommitConfig): Promise<Outcome> {
  try {
    return await transact(config.connections.limitedTo(LOOK.limitMs), {
      begin: 'BEGIN ISOLATION LEVEL READ COMMITTED',
      run: async (session): Promise<Outcome> => {
        await session.run(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
        const hasLanded = await closeMark(session, config.schema, marked);
        if (hasLanded === undefined) return 'unknowable';
        return hasLanded ? 'landed' : 'failed';
      },
      end: async ({ connection }, outcome) => {
        await commitReads(connection); // it did write, but the same can be written again
        return outcome;
      },
    });
  } catch (error) {
    if (hasCode(error, 'failed-precondition')) return 'unknowable';
    return hasCode(error, 'conflict') ? 'in flight' : 'unreachable';
  }
}

/**
 * A server that has not noticed the lost connection would keep the transaction in flight for hours. Ending its
 * process decides the outcome either way. The transaction's id makes sure that the process does not serve
 * another client by now. The server itself told both, so poolers do not matter.
 */
async function endTransaction(
  { serverPid, xid }: MarkedTransaction,
  { connections }: CommitConfig,
): Promise<void> {
  const sql = `SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
    WHERE pid = $1::int AND backend_xid = $2::xid`;
  const asked = connections.limitedTo(LOOK.limitMs);
  await withConnection(asked, (connection) => connection.run(sql, [serverPid, xid])).catch(
    () => undefined,
  ); // the caller tries again soon
}
