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
   * For databases that crowd rows of neighbouring keys onto one machine: conditions that part the
   * rows of the queue, one for each shard of its index of due times. Empty where there are none.
   */
  readonly shards: readonly Sql[];
}

/** The parts of an index of times, each to be searched by itself; only `undefined` where it has none. */
export function shardsOf({ shards }: Dialect): readonly (Sql | undefined)[] {
  return shards.length === 0 ? [undefined] : shards;
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
   * How due tasks are claimed: in one statement that skips locked rows, or by reading candidates
   * and checking them again in a short transaction.
   */
  readonly claim: 'skip-locked' | 'read-then-check';
  /** Whether `notifications` reach other processes. */
  readonly notifies: boolean;
}
