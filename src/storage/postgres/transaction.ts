/**
 * A transaction that buffers its writes. `flush` applies them; whoever owns the transaction then
 * commits it.
 */

import type { AfterCommit } from '../after-commit.ts';
import { type ColumnKind, type Columns, columnName, type RowOf } from '../column.ts';
import type { Transaction } from '../database.ts';
import { type AnyRow, keyColumns, keyText } from '../key.ts';
import { join, raw, type Sql, selectList, sql } from '../sql.ts';
import type { AnyTable, Key, NewRow, RowUpdate } from '../table.ts';
import { WriteBuffer, type WriteKind } from '../writes.ts';
import { SessionReader } from './reader.ts';
import type { Session } from './session.ts';
import { applyGroup } from './statements.ts';
import { encodeColumn, sqlTypeOf } from './types.ts';

export class BufferedTransaction extends SessionReader implements Transaction {
  readonly #session: Session;
  readonly #schema: string;
  readonly #writes = new WriteBuffer();
  readonly #afterCommit: AfterCommit[] = [];

  constructor(session: Session, schema: string) {
    super(session, schema);
    this.#session = session;
    this.#schema = schema;
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

  get hasWrites(): boolean {
    return this.#writes.groups().length > 0;
  }

  async flush(): Promise<void> {
    for (const group of this.#writes.groups()) {
      await applyGroup(this.#session, this.#schema, group);
    }
  }

  async #add(kind: WriteKind, table: AnyTable, rows: readonly AnyRow[]): Promise<void> {
    this.#writes.add(kind, table, rows);
  }

  /** Which of the rows' keys are in the database, as key texts. */
  async #storedKeys(table: AnyTable, rows: readonly AnyRow[]): Promise<Set<string>> {
    const columns = keyColumns(table);
    const arrays = Object.entries(columns).map(([property, { kind }]) =>
      arrayParam(
        kind,
        rows.map((row) => row[property]),
      ),
    );
    const names = Object.keys(columns).map(columnName);
    const on = names.map((name) => `t.${name} = v.${name}`).join(' AND ');
    const found: RowOf<Columns>[] = await this.query(
      sql`SELECT ${selectList(columns, 't')} FROM unnest(${join(arrays)}) AS v(${raw(names.join(', '))})
          JOIN ${table} AS t ON ${raw(on)}`,
      columns,
    );
    return new Set(found.map((row) => keyText(table, row)));
  }
}

/** An array literal of any element type travels as text and is cast. */
function arrayParam(kind: ColumnKind, values: readonly unknown[]): Sql {
  return sql`${encodeColumn(kind, values)}::${raw(sqlTypeOf(kind))}[]`;
}
