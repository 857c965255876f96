/**
 * What SQL differs in. A noun asks its transaction for these fragments and never for the name of
 * the database. What a database can do, rather than how it says it, is data: Capabilities.
 */
import type { Param } from './column.ts';
import type { Sql } from './sql.ts';

export interface Dialect {
  /** The time by the server's clock, as of the statement: stable, so that an index can be sought by it. */
  readonly now: Sql;
  /** Numbers for leases, each greater than all that were given before it, in whatever process. */
  readonly fences: Fences;
  /** `column` is among the values of an array parameter: `isAnyOf(raw('id'), textArray(ids))`. */
  isAnyOf(column: Sql, values: Param): Sql;
  /** The row's key columns come after `values` in key order. Both lists are of one length. */
  isAfterKey(columns: readonly Sql[], values: readonly Param[]): Sql;
  /** Text in the order of its UTF-8 bytes, whatever order the database has been set up with. */
  inByteOrder(column: Sql): Sql;
  /** Behind a table name: makes the planner use this index, where it needs telling. */
  useIndex(index: string): Sql;
  /**
   * Some databases keep neighbouring index entries on one machine, which cannot keep up if all writes go
   * to the end of an index of times. There, such an index leads with a column `shard`; each of these
   * conditions selects one shard. Empty if indexes of times have no shards.
   */
  readonly indexShards: readonly Sql[];
}

/**
 * The conditions to search an index of times with, one shard at a time. `[undefined]`, which stands for
 * one search without a condition, if it has no shards.
 */
export function shardsOf({ indexShards }: Dialect): readonly (Sql | undefined)[] {
  return indexShards.length === 0 ? [undefined] : indexShards;
}

export interface Fences {
  /**
   * One for each row that it is evaluated for. Where it is the server's time, only what is drawn in
   * a transaction that has locked its row is greater than all that this row's name has had.
   */
  readonly next: Sql;
  /** The query that makes all later ones greater than `fence`; `undefined` where they are anyway. */
  readonly skip: ((fence: Sql) => Sql) | undefined;
}

export interface Capabilities {
  /** How many transactions can be open at once; 1 for an embedded database. */
  readonly connections: number;
  /**
   * Whether a query can skip rows that other transactions have locked (SKIP LOCKED), and the database
   * offers `Database.statement`.
   */
  readonly skipsLockedRows: boolean;
  /** Whether `notifications` reach other processes. */
  readonly notifies: boolean;
}
