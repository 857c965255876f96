/**
 * Commits, and finds out whether a commit landed whose answer was lost with its connection: the
 * server remembers how each transaction ended by its id, which we learn before committing.
 */
import type { Clock } from '../../clock.ts';
import { CodedError, hasCode } from '../../errors.ts';
import type { Random } from '../../random.ts';
import { backoffMs } from '../../retry.ts';
import type { Connection, Connections } from './connections.ts';
import { withConnection } from './transact.ts';

export interface CommitConfig {
  readonly connections: Connections;
  readonly clock: Clock;
  readonly random: Random;
  /** How long to ask for the outcome. */
  readonly outcomeTimeoutMs: number;
}

/** A transaction's id, and the server process that runs it. */
export interface TransactionIdentity {
  readonly xid: string;
  readonly serverPid: number | undefined;
}

/** Asks for the id ahead of the writes, so it costs no wait of its own. */
export async function identify(connection: Connection): Promise<TransactionIdentity> {
  const result = await connection.runAhead('SELECT pg_current_xact_id()::text');
  const xid = result.rows[0]?.[0];
  if (xid === undefined || xid === null) throw new Error('the database told no transaction id');
  return { xid, serverPid: connection.serverPid };
}

/**
 * Commits a transaction that wrote. Throws `unavailable` where it certainly did not land,
 * `outcome-unknown` where that cannot be learnt.
 */
export async function commitWrites(
  connection: Connection,
  identity: TransactionIdentity,
  config: CommitConfig,
): Promise<void> {
  try {
    await commitReads(connection);
  } catch (error) {
    if (!hasCode(error, 'unavailable')) throw error;
    connection.release('broken');
    await resolveOutcome(identity, error, config);
  }
}

/** Ends a transaction without writes, whose outcome changes nothing. */
export async function commitReads(connection: Connection): Promise<void> {
  const { command } = await connection.run('COMMIT');
  if (command !== 'COMMIT') {
    throw new CodedError('conflict', 'the database rolled the transaction back');
  }
}

const BACKOFF = { initialMs: 20, maxMs: 1000 };

/** Returns if the transaction was committed. */
async function resolveOutcome(
  identity: TransactionIdentity,
  cause: Error,
  config: CommitConfig,
): Promise<void> {
  const { clock, random, outcomeTimeoutMs } = config;
  const endsAt = clock.now() + outcomeTimeoutMs;
  for (let attempt = 1; ; attempt++) {
    const status = await askStatus(identity, config);
    if (status === 'committed') return;
    if (status === 'aborted') {
      throw new CodedError('unavailable', 'the connection was lost before the commit', { cause });
    }
    if (status === 'forgotten' || clock.now() >= endsAt) {
      throw new CodedError(
        'outcome-unknown',
        `the connection was lost during a commit; transaction ${identity.xid} may have landed`,
        { cause },
      );
    }
    await clock.sleep(backoffMs(BACKOFF, attempt, random));
  }
}

type Status = 'committed' | 'aborted' | 'in progress' | 'unreachable' | 'forgotten';

async function askStatus(identity: TransactionIdentity, config: CommitConfig): Promise<Status> {
  try {
    return await withConnection(config.connections, async (connection) => {
      const sql = 'SELECT pg_xact_status($1::xid8)';
      const { rows } = await connection.run(sql, [identity.xid]);
      const status = (rows[0]?.[0] as Status | null | undefined) ?? 'forgotten';
      if (status === 'in progress') await endTransaction(connection, identity);
      return status;
    });
  } catch {
    return 'unreachable';
  }
}

/**
 * A server that has not noticed the loss would keep the transaction in progress for hours; ending
 * its process settles the matter either way. The id guards against a process that serves somebody
 * else by now.
 */
async function endTransaction(
  connection: Connection,
  { xid, serverPid }: TransactionIdentity,
): Promise<void> {
  const sql = `SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
    WHERE pid = $1::int AND backend_xid = $2::xid8::xid`;
  await connection.run(sql, [String(serverPid ?? 0), xid]);
}
