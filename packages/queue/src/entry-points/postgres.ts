/** @postlude/queue/postgres: PostgreSQL with the driver `pg`, also in your own transactions. */
export type {
  Database,
  Notifications,
  Reader,
  Transaction,
  WriteOptions,
} from '../storage/database.ts';
export { openPostgres, type PostgresOptions } from '../storage/postgres/open.ts';
export type { UserTransaction } from '../storage/postgres/transactions/immediate-transaction.ts';
export type { PostgresJsTransaction } from '../storage/postgres/transactions/postgres-js.ts';
export {
  type FromPostgresOptions,
  fromPostgres,
  type PgClient,
} from '../storage/postgres/transactions/user-transaction.ts';
export { ServerClock } from '../storage/server-clock.ts';
