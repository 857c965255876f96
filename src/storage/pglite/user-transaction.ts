/** A transaction of the user's own on a PGlite instance. */
import { silentLog } from '../../log.ts';
import { checkSchemaName, DEFAULT_SCHEMA } from '../postgres/schema-name.ts';
import {
  ImmediateTransaction,
  type UserTransaction,
} from '../postgres/transactions/immediate-transaction.ts';
import type { FromPostgresOptions } from '../postgres/transactions/user-transaction.ts';
import { type PgliteQueries, pgliteSession } from './session.ts';

/**
 * postlude's view of the transaction that PGlite gives to `instance.transaction(async (tx) => …)`:
 * as `fromPostgres` for a server. Call `committed()` behind it.
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
