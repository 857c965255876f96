/**
 * A transaction that the user has begun and will end. Writes are applied at once, as we do not see the
 * commit. Each statement changes rows only if it runs in the same transaction as the first one, even if a
 * ROLLBACK comes between a check and the write: a row is written in that transaction or not at all.
 */
import { CodedError } from '../../../foundations/errors.ts';
import type { Log } from '../../../foundations/log.ts';
import { type AfterCommit, runAfterCommit } from '../../backend/after-commit.ts';
import type { Transaction } from '../../database.ts';
import { type AnyRow, keyColumns, keyText } from '../../key.ts';
import type { AnyTable, Key, NewRow, RowUpdate } from '../../table.ts';
import { WriteBuffer, type WriteGroup, type WriteKind } from '../../writes.ts';
import { SessionReader } from '../reader.ts';
import { type Session, type SessionResult, type Statement, toRows } from '../session.ts';
import {
  type Condition,
  checkCount,
  insertNewStatement,
  statementOf,
  type TransactionNumber,
} from './statements.ts';

export interface UserTransaction extends Transaction {
  /**
   * Must be called after the transaction has been committed. It runs the `afterCommit` callbacks, such as
   * those that wake dispatchers. Without it, polling finds the new tasks a little later.
   */
  committed(): Promise<void>;
}

export class ImmediateTransaction extends SessionReader implements UserTransaction {
  readonly #session: Session;
  readonly #schema: string;
  readonly #log: Log;
  #afterCommit: AfterCommit[] = [];
  #number: Promise<TransactionNumber> | undefined;

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
      const result = await this.#run((only) =>
        insertNewStatement(group, { schema: this.#schema, only }),
      );
      const keys = toRows(result, keyColumns(table));
      for (const key of keys) added.add(keyText(table, key));
    }
    // Of several rows with one key, the first was inserted.
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
      const { count } = await this.#run((only) =>
        statementOf(group, { schema: this.#schema, only }),
      );
      checkCount(group, count);
    }
  }

  async #run(statementFor: (only: Condition) => Statement): Promise<SessionResult> {
    const transaction = await this.#ownNumber();
    const { text, values } = statementFor({ transaction });
    const result = await this.#session.run(text, values);
    if (result.count === 0 && (await readNumber(this.#session)) !== transaction) throw notOpen();
    return result;
  }

  /** Reads the number again after a failure, as the caller may have rolled back to a savepoint. */
  #ownNumber(): Promise<TransactionNumber> {
    this.#number ??= readNumber(this.#session).catch((error: unknown) => {
      this.#number = undefined;
      throw error;
    });
    return this.#number;
  }
}

async function readNumber(session: Session): Promise<TransactionNumber> {
  const { rows } = await session.run('SELECT pg_current_xact_id()::text AS number');
  const number = rows[0]?.[0];
  if (typeof number !== 'string') throw new Error('the database returned no id of the transaction');
  return number;
}

function notOpen(): CodedError {
  return new CodedError(
    'failed-precondition',
    'there is no transaction open on this client, or not the one of the first write: nothing was written. BEGIN before the first call, and make no call after COMMIT or ROLLBACK',
  );
}

function grouped(kind: WriteKind, table: AnyTable, rows: readonly AnyRow[]): readonly WriteGroup[] {
  const buffer = new WriteBuffer();
  buffer.add(kind, table, rows);
  return buffer.groups();
}
