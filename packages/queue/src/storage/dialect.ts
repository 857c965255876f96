/**
 * The fragments in which the SQL of the databases differs. Code that needs one asks its transaction, and
 * never asks which database it runs on. What a database can do, as opposed to how it is told to, is data:
 * `Capabilities`.
 */
import type { Param } from './column.ts';
import type { Sql } from './sql.ts';

export interface Dialect {
  /** The time of the statement by the server's clock. It is stable, so an index can be searched by it. */
  readonly now: Sql;
  /** Numbers that grow: each is greater than all that were drawn before it, in any process. */
  readonly fences: Fences;
  /** The condition that `column` is one of an array's values: `isAnyOf(raw('id'), textArray(ids))`. */
  isAnyOf(column: Sql, values: Param): Sql;
  /** The condition that the columns come after `values` in key order. Both lists have the same length. */
  isAfterKey(columns: readonly Sql[], values: readonly Param[]): Sql;
  /** The same in the opposite order. */
  isBeforeKey(columns: readonly Sql[], values: readonly Param[]): Sql;
  /** Orders text by its UTF-8 bytes, whatever collation the database was created with. */
  inByteOrder(column: Sql): Sql;
  /** The length of text in UTF-8, or of bytes. */
  byteLength(value: Sql): Sql;
  /** Follows a table's name, and makes the planner use this index if it would not choose it itself. */
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
   * An expression that draws a number for each row. If it is the server's time, a number is sure to be
   * greater than all earlier ones of its row only if the transaction has locked that row.
   */
  readonly next: Sql;
  /** The query that makes all later numbers greater than `fence`; `undefined` if they are so anyway. */
  readonly skip: ((fence: Sql) => Sql) | undefined;
}

export interface Capabilities {
  /** How many transactions can be open at once. An embedded database has 1. */
  readonly connections: number;
  /**
   * Whether a query can skip rows that other transactions have locked (SKIP LOCKED), and the database
   * offers `Database.statement`.
   */
  readonly skipsLockedRows: boolean;
  /** Whether `notifications` reach other processes. */
  readonly notifies: boolean;
}
