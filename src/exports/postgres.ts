/** @postlude/postlude/postgres: PostgreSQL by the driver `pg`, and your own transactions. */
export type {
  Database,
  Notifications,
  Reader,
  Transaction,
  WriteOptions,
} from '../storage/database.ts';
export type { UserTransaction } from '../storage/postgres/immediate-transaction.ts';
export { openPostgres, type PostgresOptions } from '../storage/postgres/open.ts';
export type { PostgresJsTransaction } from '../storage/postgres/postgres-js.ts';
export {
  type FromPostgresOptions,
  fromPostgres,
  type PgClient,
} from '../storage/postgres/user-transaction.ts';
export { ServerClock } from '../storage/server-clock.ts';
