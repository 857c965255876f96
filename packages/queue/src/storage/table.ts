/** Declares tables, from which follow the types of their rows, the names of their columns, and their keys. */
import type { ChangesOf, Columns, NewRowOf, RowOf } from './column.ts';

export interface Table<C extends Columns = Columns, K extends keyof C & string = keyof C & string> {
  /**
   * `invocations` lies in the schema that the database was opened with; `shop.letters` in the schema
   * `shop`.
   */
  readonly name: string;
  readonly columns: C;
  /** The primary key, in order. */
  readonly key: readonly K[];
  /** The columns of each index, stored ones included, on the database that has the most indexes (Spanner). */
  readonly indexes?: readonly (readonly string[])[];
}

// biome-ignore lint/suspicious/noExplicitAny: a table of any columns and key
export type AnyTable = Table<any, any>;

/** A row as it is read. */
export type Row<T extends AnyTable> = T extends Table<infer C, infer _K> ? RowOf<C> : never;

/** A row to insert. */
export type NewRow<T extends AnyTable> = T extends Table<infer C, infer _K> ? NewRowOf<C> : never;

/** The primary key of a row. */
export type Key<T extends AnyTable> = T extends Table<infer C, infer K> ? Pick<RowOf<C>, K> : never;

/**
 * The primary key and the columns to change. `undefined` writes NULL; a column that is left out keeps its
 * value.
 */
export type RowUpdate<T extends AnyTable> =
  T extends Table<infer C, infer K> ? Pick<RowOf<C>, K> & ChangesOf<C> : never;

/** An index, as an order of a table's rows. Its columns end with the table's own key. */
export interface Index {
  readonly name: string;
  readonly table: AnyTable;
  readonly key: readonly string[];
}

/** An order in which rows can be read: that of a table's key or of an index. */
export type KeyOrder = AnyTable | Index;

/**
 * Declares a table of yours, so that you can write to it in the transactions of postlude's tasks:
 * `table('shop.sent_letters', { id: text, sentAt: timestamp }, ['id'])`. The property `sentAt` is the
 * column `sent_at`. You create the table yourself. The part of the name before the dot is the schema;
 * without it, the table lies in postlude's schema.
 */
export function table<C extends Columns, K extends keyof C & string>(
  name: string,
  columns: C,
  key: readonly K[],
): Table<C, K> {
  return { name, columns, key };
}

/** Adds the columns of each index of a table. */
export function withIndexes<T extends AnyTable>(
  table: T,
  indexes: NonNullable<AnyTable['indexes']>,
): T {
  return { ...table, indexes };
}

export function index<C extends Columns, K extends keyof C & string>(
  name: string,
  of: Table<C, K>,
  key: readonly (keyof C & string)[],
): Index {
  return { name, table: of, key };
}
