/** Runs a function inside a transaction of a pooled connection, and cleans up in every case. */
import { hasCode } from '../../../foundations/errors.ts';
import type { Connection, Connections } from '../connections/connections.ts';
import { WatchedSession } from '../connections/watched-session.ts';

export interface OpenTransaction {
  /** The session for code that runs inside the transaction. */
  readonly session: WatchedSession;
  /** The connection, for the code that ends the transaction. */
  readonly connection: Connection;
}

export interface TransactionSteps<T, R> {
  /** The statement that begins the transaction. */
  readonly begin: string;
  /** Aborting ends the transaction, also within a statement, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly run: (session: WatchedSession) => Promise<T>;
  /** Commits, or ends the transaction in another way. */
  readonly end: (open: OpenTransaction, value: T) => Promise<R>;
}

/**
 * Begins a transaction, runs its steps, and rolls back if one of them throws. Throws the
 * first error of the session, even if `fn` has swallowed or wrapped it.
 */
export async function transact<T, R>(
  connections: Connections,
  { signal, ...steps }: TransactionSteps<T, R>,
): Promise<R> {
  signal?.throwIfAborted();
  return await withConnection(connections, async (connection) => {
    const abandon = (): void => connection.abandon();
    signal?.addEventListener('abort', abandon, { once: true });
    try {
      signal?.throwIfAborted();
      return await transactOn(connection, steps);
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener('abort', abandon);
    }
  });
}

async function transactOn<T, R>(
  connection: Connection,
  { begin, end, run }: TransactionSteps<T, R>,
): Promise<R> {
  const begun = connection.beginAhead(begin);
  const session = new WatchedSession(connection);
  session.follow(begun);
  try {
    const value = await run(session);
    session.check();
    const ended = await end({ session, connection }, value);
    await begun;
    return ended;
  } catch (thrown) {
    const error = session.failure?.error ?? thrown;
    if (!isLost(error)) await rollback(connection);
    throw error;
  }
}

/** Calls `fn` with a connection of its own. A connection that broke is not used again. */
export async function withConnection<T>(
  connections: Connections,
  fn: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await connections.acquire();
  try {
    return await fn(connection);
  } catch (error) {
    if (isLost(error)) connection.release('broken');
    throw error;
  } finally {
    connection.release('usable');
  }
}

async function rollback(connection: Connection): Promise<void> {
  try {
    await connection.run('ROLLBACK');
  } catch {
    connection.release('broken'); // closing it rolls back, too
  }
}

function isLost(error: unknown): boolean {
  return hasCode(error, 'unavailable', 'outcome-unknown');
}
