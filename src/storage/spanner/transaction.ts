/** A read-write transaction that buffers its writes until its owner commits them. */
import type { AfterCommit } from '../after-commit.ts';
import { columnName } from '../column.ts';
import type { Transaction } from '../database.ts';
import { type AnyRow, keyColumns, keyText } from '../key.ts';
import type { AnyTable, Key, NewRow, RowUpdate } from '../table.ts';
import { WriteBuffer, type WriteGroup, type WriteKind } from '../writes.ts';
import { encodeKey } from './mutations.ts';
import { SpannerReader } from './reader.ts';

export class SpannerTransaction extends SpannerReader implements Transaction {
  readonly #writes = new WriteBuffer();
  readonly #afterCommit: AfterCommit[] = [];

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

  /** The transaction locks the keys that it looks for, also those without a row. */
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

  async #add(kind: WriteKind, table: AnyTable, rows: readonly AnyRow[]): Promise<void> {
    this.#writes.add(kind, table, rows);
  }

  /**
   * Which of the rows' keys are in the database, as key texts. Keys without a row are locked as well:
   * so what was found missing still is at the commit.
   */
  async #storedKeys(table: AnyTable, rows: readonly AnyRow[]): Promise<Set<string>> {
    const columns = keyColumns(table);
    const found = await this.readKeys(
      {
        table: table.name,
        columns: Object.keys(columns).map(columnName),
        keys: rows.map((row) => encodeKey(table, row)),
      },
      columns,
    );
    return new Set(found.map((row) => keyText(table, row)));
  }
}
