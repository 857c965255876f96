/** A transaction of the user on the user's own PGlite instance. */
import { silentLog } from '../../foundations/log.ts';
import { checkSchemaName, DEFAULT_SCHEMA } from '../postgres/schema-name.ts';
import {
  ImmediateTransaction,
  type UserTransaction,
} from '../postgres/transactions/immediate-transaction.ts';
import type { FromPostgresOptions } from '../postgres/transactions/user-transaction.ts';
import { type PgliteQueries, pgliteSession } from './session.ts';

/**
 * Lets postlude write in the transaction that PGlite passes to `instance.transaction(async (tx) => …)`, as
 * `fromPostgres` does for a server. Call `committed()` after the transaction.
 */
export function fromPgliteTransaction(
  transaction: PgliteQueries,
  options: FromPostgresOptions = {},
): UserTransaction {
  return new ImmediateTransaction(
    pgliteSession(transaction),
    checkSchemaName(options.schema ?? DEFAULT_SCHEMA),
    options.log ?? silentLog,
  );
}
