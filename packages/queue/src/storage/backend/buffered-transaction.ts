/**
 * A transaction that buffers its writes, for any database. The code that created it applies the groups of
 * writes and commits.
 */
import type { Columns, RowOf } from '../column.ts';
import type { KeyRange, LockingRead, Reader, Transaction } from '../database.ts';
import { type AnyRow, keyColumns, keyText } from '../key.ts';
import type { Sql } from '../sql.ts';
import type { AnyTable, Key, KeyOrder, NewRow, RowUpdate } from '../table.ts';
import { WriteBuffer, type WriteGroup, type WriteKind } from '../writes.ts';
import type { AfterCommit } from './after-commit.ts';

export abstract class BufferedTransaction<R extends Reader = Reader> implements Transaction {
  protected readonly reader: R;
  readonly #writes = new WriteBuffer();
  readonly #afterCommit: AfterCommit[] = [];

  constructor(reader: R) {
    this.reader = reader;
  }

  get dialect(): Reader['dialect'] {
    return this.reader.dialect;
  }

  query<C extends Columns>(query: Sql, columns: C): Promise<RowOf<C>[]> {
    return this.reader.query(query, columns);
  }

  readKeys<T extends AnyTable, C extends Columns>(
    table: T,
    keys: readonly Key<T>[],
    columns: C,
  ): Promise<RowOf<C>[]> {
    return this.reader.readKeys(table, keys, columns);
  }

  /** A database that locks whatever a transaction reads needs no more than this. */
  lockKeys<T extends AnyTable, C extends Columns>(
    table: T,
    keys: readonly Key<T>[],
    { columns }: LockingRead<C>,
  ): Promise<RowOf<C>[]> {
    return this.readKeys(table, keys, columns);
  }

  readRange<C extends Columns>(order: KeyOrder, range: KeyRange, columns: C): Promise<RowOf<C>[]> {
    return this.reader.readRange(order, range, columns);
  }

  stream<C extends Columns>(query: Sql, columns: C): AsyncIterable<RowOf<C>> {
    return this.reader.stream(query, columns);
  }

  insert<T extends AnyTable>(table: T, rows: readonly NewRow<T>[]): Promise<void> {
    return this.#add('insert', table, rows);
  }

  update<T extends AnyTable>(table: T, rows: readonly RowUpdate<T>[]): Promise<void> {
    return this.#add('update', table, rows);
  }

  upsert<T extends AnyTable>(table: T, rows: readonly NewRow<T>[]): Promise<void> {
    return this.#add('upsert', table, rows);
  }

  delete<T extends AnyTable>(table: T, keys: readonly Key<T>[]): Promise<void> {
    return this.#add('delete', table, keys);
  }

  insertNew<T extends AnyTable>(table: T, rows: readonly NewRow<T>[]): Promise<NewRow<T>[]> {
    return this.#writes.addNew(table, rows, (unknown) => this.#storedKeys(table, unknown));
  }

  afterCommit(fn: AfterCommit): void {
    this.#afterCommit.push(fn);
  }

  /** In the order in which they were given. */
  afterCommitCalls(): readonly AfterCommit[] {
    return this.#afterCommit;
  }

  groups(): readonly WriteGroup[] {
    return this.#writes.groups();
  }

  /**
   * Returns those keys, as texts, that are in the database. A key that was found missing is still missing at
   * the commit: Spanner locks keys without a row, too, and PostgreSQL detects a row that was inserted since.
   */
  async #storedKeys(table: AnyTable, rows: readonly AnyRow[]): Promise<ReadonlySet<string>> {
    const found: AnyRow[] = await this.readKeys(table, rows, keyColumns(table));
    return new Set(found.map((row) => keyText(table, row)));
  }

  async #add(kind: WriteKind, table: AnyTable, rows: readonly AnyRow[]): Promise<void> {
    this.#writes.add(kind, table, rows);
  }
}
