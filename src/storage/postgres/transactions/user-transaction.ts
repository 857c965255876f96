/**
 * A transaction of the user's own, on the user's own client: what postlude writes there commits or
 * rolls back with the rest of it.
 */
import { CodedError } from '../../../errors.ts';
import { type Log, silentLog } from '../../../log.ts';
import { type PgQueryable, runOn, runScript } from '../connections/connections.ts';
import { checkSchemaName, DEFAULT_SCHEMA } from '../schema-name.ts';
import type { Session } from '../session.ts';
import { ImmediateTransaction, type UserTransaction } from './immediate-transaction.ts';
import { isPostgresJs, type PostgresJsTransaction, postgresJsSession } from './postgres-js.ts';

/** A `Client` or `PoolClient` of the driver `pg`. */
export interface PgClient extends PgQueryable {
  query: PgQueryable['query'] & ((text: string) => Promise<unknown>);
}

export interface FromPostgresOptions {
  /** Where postlude's tables live: `postlude` unless given. */
  readonly schema?: string;
  /** For failures of callbacks after the commit. */
  readonly log?: Log;
}

/**
 * postlude's view of a transaction that is open on `client`: of `pg` (behind your own BEGIN), or
 * the `sql` that postgres.js gives to `sql.begin`. Any isolation level will do.
 *
 * Each write is applied at once; when one throws, roll the transaction back. `insertNew` leaves out
 * what exists, aborting nothing.
 *
 * Throws `invalid-argument` for a pool, and each write throws `failed-precondition` where no
 * transaction is open, or not the one of the first write: then it has changed nothing.
 */
export function fromPostgres(
  client: PgClient | PostgresJsTransaction,
  options: FromPostgresOptions = {},
): UserTransaction {
  refusePool(client);
  const session = isPostgresJs(client) ? postgresJsSession(client) : pgSession(client);
  const schema = checkSchemaName(options.schema ?? DEFAULT_SCHEMA);
  return new ImmediateTransaction(session, schema, options.log ?? silentLog);
}

/** Each statement of a pool may go to another connection. `sql.reserve()` is none. */
function refusePool(client: object): void {
  if ('totalCount' in client && 'idleCount' in client) {
    throw new CodedError(
      'invalid-argument',
      'a pool of pg is no transaction: take a client by pool.connect(), BEGIN on it, and give that one',
    );
  }
  if ('begin' in client && !('savepoint' in client)) {
    throw new CodedError(
      'invalid-argument',
      'the sql of postgres.js itself is no transaction: give the one that sql.begin(async (tx) => …) calls with',
    );
  }
}

function pgSession(client: PgClient): Session {
  if (typeof client.query !== 'function') {
    throw new CodedError(
      'invalid-argument',
      'neither a client of pg nor a transaction of postgres.js',
    );
  }
  return {
    run: (text, values = []) => runOn(client, text, values, undefined),
    runScript: (text) => runScript(client, text),
  };
}
