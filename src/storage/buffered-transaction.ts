/**
 * A transaction that buffers its writes, whatever the database: whoever owns it applies their groups
 * and commits.
 */
import type { AfterCommit } from './after-commit.ts';
import type { Columns, RowOf } from './column.ts';
import type { Reader, Transaction } from './database.ts';
import type { AnyRow } from './key.ts';
import type { Sql } from './sql.ts';
import type { AnyTable, Key, NewRow, RowUpdate } from './table.ts';
import { WriteBuffer, type WriteGroup, type WriteKind } from './writes.ts';

export abstract class BufferedTransaction<R extends Reader = Reader> implements Transaction {
  protected readonly reader: R;
  readonly #writes = new WriteBuffer();
  readonly #afterCommit: AfterCommit[] = [];

  constructor(reader: R) {
    this.reader = reader;
  }

  /** Which of the rows' keys are in the database, as key texts. */
  protected abstract storedKeys(
    table: AnyTable,
    rows: readonly AnyRow[],
  ): Promise<ReadonlySet<string>>;

  get dialect(): Reader['dialect'] {
    return this.reader.dialect;
  }

  query<C extends Columns>(query: Sql, columns: C): Promise<RowOf<C>[]> {
    return this.reader.query(query, columns);
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
    return this.#writes.addNew(table, rows, (unknown) => this.storedKeys(table, unknown));
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

  async #add(kind: WriteKind, table: AnyTable, rows: readonly AnyRow[]): Promise<void> {
    this.#writes.add(kind, table, rows);
  }
}
