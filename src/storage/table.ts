/** Declares a table once: the types of its rows, the names of its columns and its key follow. */
import type { ChangesOf, Columns, NewRowOf, RowOf } from './column.ts';

export interface Table<C extends Columns = Columns, K extends keyof C & string = keyof C & string> {
  /**
   * `invocations`, in the schema that the database was opened with; or `shop.letters`, in a schema of
   * its own.
   */
  readonly name: string;
  readonly columns: C;
  /** The primary key, in order. */
  readonly key: readonly K[];
  /** The columns of each of its indexes where they are most (Spanner), those that it stores included. */
  readonly indexes?: readonly (readonly string[])[];
}

// biome-ignore lint/suspicious/noExplicitAny: a table of any columns and key
export type AnyTable = Table<any, any>;

/** A row as read. */
export type Row<T extends AnyTable> = T extends Table<infer C, infer _K> ? RowOf<C> : never;

/** A row to insert. */
export type NewRow<T extends AnyTable> = T extends Table<infer C, infer _K> ? NewRowOf<C> : never;

/** The primary key of a row. */
export type Key<T extends AnyTable> = T extends Table<infer C, infer K> ? Pick<RowOf<C>, K> : never;

/** The primary key and the columns to change. `undefined` writes NULL; left out means untouched. */
export type RowUpdate<T extends AnyTable> =
  T extends Table<infer C, infer K> ? Pick<RowOf<C>, K> & ChangesOf<C> : never;

/** Another order of a table's rows: an index, whose columns end with the table's own key. */
export interface Index {
  readonly name: string;
  readonly table: AnyTable;
  readonly key: readonly string[];
}

/** An order that rows can be read in: that of a table's key, or of an index. */
export type KeyOrder = AnyTable | Index;

/**
 * A table of yours, to be written in the transactions that postlude's tasks belong to:
 * `table('shop.sent_letters', { id: text, sentAt: timestamp }, ['id'])`. The property `sentAt` is the
 * column `sent_at`. You create the table yourself. The part of the name before the dot is a schema;
 * without it, the table lies in postlude's own.
 */
export function table<C extends Columns, K extends keyof C & string>(
  name: string,
  columns: C,
  key: readonly K[],
  indexes: readonly (readonly string[])[] = [],
): Table<C, K> {
  return { name, columns, key, indexes };
}

export function index<C extends Columns, K extends keyof C & string>(
  name: string,
  of: Table<C, K>,
  key: readonly (keyof C & string)[],
): Index {
  return { name, table: of, key };
}
