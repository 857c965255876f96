/**
 * @postlude/queue/storage: the contract of a database, for programs that keep tables of their own in the
 * transactions of the queue, on whichever of its databases.
 */
export { Announcements } from '../storage/announcements.ts';
export {
  bool,
  bytes,
  bytesArray,
  type ColumnKind,
  type Columns,
  type ColumnType,
  columnName,
  type FromNow,
  float,
  fromNow,
  int,
  intArray,
  nullable,
  type Param,
  type RowOf,
  text,
  textArray,
  timestamp,
} from '../storage/column.ts';
export {
  type Database,
  type InsertOptions,
  type KeyRange,
  type LimitOptions,
  LOOK,
  type LockingRead,
  type Notifications,
  type Reader,
  type ReadOptions,
  type Transaction,
  type WriteOptions,
} from '../storage/database.ts';
export { type Capabilities, type Dialect, shardsOf } from '../storage/dialect.ts';
export type { AnyRow } from '../storage/key.ts';
export {
  type DatabaseKind,
  loadMigrations,
  type Migration,
  type MigrationSet,
} from '../storage/migrations.ts';
export { MAX_MUTATIONS, mutationsOfRow } from '../storage/mutation-count.ts';
export { ServerClock } from '../storage/server-clock.ts';
export { emptySql, join, raw, type Sql, type SqlValue, selectList, sql } from '../storage/sql.ts';
export {
  type AnyTable,
  type Index,
  index,
  type Key,
  type KeyOrder,
  type NewRow,
  type Row,
  type RowUpdate,
  type Table,
  table,
  withIndexes,
} from '../storage/table.ts';
export { readTablePages } from '../storage/table-pages.ts';
