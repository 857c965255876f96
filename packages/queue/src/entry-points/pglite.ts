/** @postlude/queue/pglite: PostgreSQL within your process, with the package `@electric-sql/pglite`. */
export type {
  Database,
  Notifications,
  Reader,
  Transaction,
  WriteOptions,
} from '../storage/database.ts';
export { fromPglite, openPglite, type PgliteOptions } from '../storage/pglite/database.ts';
export type { PgliteLike, PgliteQueries } from '../storage/pglite/session.ts';
export { systemTrouble } from '../storage/pglite/system-trouble.ts';
export { fromPgliteTransaction } from '../storage/pglite/user-transaction.ts';
export type { UserTransaction } from '../storage/postgres/transactions/immediate-transaction.ts';
