/**
 * A transaction of the user on the user's own client. What postlude writes there commits or rolls back with
 * the rest of the transaction.
 */
import { CodedError } from '../../../foundations/errors.ts';
import { type Log, silentLog } from '../../../foundations/log.ts';
import { type PgQueryable, runOn, runScript } from '../connections/queryable.ts';
import { checkSchemaName, DEFAULT_SCHEMA } from '../schema-name.ts';
import type { Session } from '../session.ts';
import { ImmediateTransaction, type UserTransaction } from './immediate-transaction.ts';
import { isPostgresJs, type PostgresJsTransaction, postgresJsSession } from './postgres-js.ts';

/** A `Client` or `PoolClient` of the driver `pg`. */
export interface PgClient extends PgQueryable {
  query: PgQueryable['query'] & ((text: string) => Promise<unknown>);
}

export interface FromPostgresOptions {
  /** The schema of postlude's tables; `postlude` by default. */
  readonly schema?: string;
  /** Gets the failures of callbacks after the commit. */
  readonly log?: Log;
}

/**
 * Lets postlude write in a transaction that is open on `client`: a client of `pg` (after your own BEGIN), or
 * the `sql` that postgres.js passes to the callback of `sql.begin`. Any isolation level works.
 *
 * Each write is applied at once; if one throws, roll the transaction back. `insertNew` skips rows that
 * exist, and aborts nothing.
 *
 * Throws `invalid-argument` for a pool. Each write throws `failed-precondition`, and changes nothing, if no
 * transaction is open or if it is not the transaction of the first write.
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

/** Each statement of a pool may use another connection. The result of `sql.reserve()` is not a pool. */
function refusePool(client: object): void {
  if ('totalCount' in client && 'idleCount' in client) {
    throw new CodedError(
      'invalid-argument',
      'a pool of pg is not a transaction: get a client by pool.connect(), BEGIN on it, and pass that client',
    );
  }
  if ('begin' in client && !('savepoint' in client)) {
    throw new CodedError(
      'invalid-argument',
      'the sql of postgres.js itself is not a transaction: pass the one that sql.begin(async (tx) => …) provides',
    );
  }
}

function pgSession(client: PgClient): Session {
  if (typeof client.query !== 'function') {
    throw new CodedError(
      'invalid-argument',
      'expected a client of pg or a transaction of postgres.js',
    );
  }
  return {
    run: (text, values = []) => runOn(client, { text, values }),
    runScript: (text) => runScript(client, text),
  };
}
