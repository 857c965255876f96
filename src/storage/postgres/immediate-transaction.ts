/**
 * A transaction that somebody else has begun and will end: writes are applied at once, since the
 * commit is not ours to wait for.
 */
import type { Log } from '../../log.ts';
import { type AfterCommit, runAfterCommit } from '../after-commit.ts';
import type { Transaction } from '../database.ts';
import { type AnyRow, keyColumns, keyText } from '../key.ts';
import type { AnyTable, Key, NewRow, RowUpdate } from '../table.ts';
import { WriteBuffer, type WriteGroup, type WriteKind } from '../writes.ts';
import { SessionReader } from './reader.ts';
import { type Session, toRows } from './session.ts';
import { applyGroup, insertNewStatement } from './statements.ts';

export interface UserTransaction extends Transaction {
  /**
   * To be called once the transaction has been committed: runs what waits for that, such as the
   * wake-up of dispatchers. Without it, polling finds the new tasks a little later.
   */
  committed(): Promise<void>;
}

export class ImmediateTransaction extends SessionReader implements UserTransaction {
  readonly #session: Session;
  readonly #schema: string;
  readonly #log: Log;
  #afterCommit: AfterCommit[] = [];

  constructor(session: Session, schema: string, log: Log) {
    super(session, schema);
    this.#session = session;
    this.#schema = schema;
    this.#log = log;
  }

  insert<T extends AnyTable>(table: T, rows: readonly NewRow<T>[]): Promise<void> {
    return this.#apply('insert', table, rows);
  }

  update<T extends AnyTable>(table: T, rows: readonly RowUpdate<T>[]): Promise<void> {
    return this.#apply('update', table, rows);
  }

  upsert<T extends AnyTable>(table: T, rows: readonly NewRow<T>[]): Promise<void> {
    return this.#apply('upsert', table, rows);
  }

  delete<T extends AnyTable>(table: T, keys: readonly Key<T>[]): Promise<void> {
    return this.#apply('delete', table, keys);
  }

  async insertNew<T extends AnyTable>(table: T, rows: readonly NewRow<T>[]): Promise<NewRow<T>[]> {
    const added = new Set<string>();
    for (const group of grouped('insertNew', table, rows)) {
      const { text, values } = insertNewStatement(group, this.#schema);
      const keys = toRows(await this.#session.run(text, values), keyColumns(table));
      for (const key of keys) added.add(keyText(table, key));
    }
    // Of rows with one key, the first went in.
    return rows.filter((row) => added.delete(keyText(table, row)));
  }

  afterCommit(fn: AfterCommit): void {
    this.#afterCommit.push(fn);
  }

  async committed(): Promise<void> {
    const calls = this.#afterCommit;
    this.#afterCommit = [];
    await runAfterCommit(calls, this.#log);
  }

  async #apply(kind: WriteKind, table: AnyTable, rows: readonly AnyRow[]): Promise<void> {
    for (const group of grouped(kind, table, rows)) {
      await applyGroup(this.#session, this.#schema, group);
    }
  }
}

function grouped(kind: WriteKind, table: AnyTable, rows: readonly AnyRow[]): readonly WriteGroup[] {
  const buffer = new WriteBuffer();
  buffer.add(kind, table, rows);
  return buffer.groups();
}
