/**
 * A PostgreSQL schema as a target of migrations. Each migration is one transaction that holds an advisory
 * lock on the schema's name. The lock ends with the transaction, even if a connection pooler is used.
 */

import { int, text } from '../column.ts';
import type { AppliedMigration, Migration, MigrationTarget } from '../migrator.ts';
import { quoteName, type Session, tableName, toRows } from './session.ts';

export const MIGRATIONS_FOLDER = new URL('./migrations/', import.meta.url);

/** Runs `fn` in a READ COMMITTED transaction of one session, and commits. */
export type RunTransaction = <T>(fn: (session: Session) => Promise<T>) => Promise<T>;

const APPLIED_COLUMNS = { number: int, name: text, checksum: text };

export class PostgresMigrationTarget implements MigrationTarget {
  readonly #transaction: RunTransaction;
  readonly #schema: string;
  readonly #table: string;

  constructor(transaction: RunTransaction, schema: string) {
    this.#transaction = transaction;
    this.#schema = schema;
    this.#table = tableName(schema, 'schema_migrations');
  }

  applied(): Promise<readonly AppliedMigration[]> {
    return this.#transaction(async (session) => {
      const { rows } = await session.run('SELECT to_regclass($1)::text', [this.#table]);
      return rows[0]?.[0] === null ? [] : await this.#readApplied(session);
    });
  }

  applyNext(
    next: (applied: readonly AppliedMigration[]) => Migration | undefined,
  ): Promise<Migration | undefined> {
    return this.#transaction(async (session) => {
      await this.#lock(session);
      await this.#createTable(session);
      const migration = next(await this.#readApplied(session));
      if (migration) await this.#apply(session, migration);
      return migration;
    });
  }

  async #lock(session: Session): Promise<void> {
    await session.run('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))::text', [
      `postlude migrate ${this.#schema}`,
    ]);
  }

  async #createTable(session: Session): Promise<void> {
    const { rows } = await session.run('SELECT to_regnamespace($1)::text', [
      quoteName(this.#schema),
    ]);
    // IF NOT EXISTS would require the right to create schemas even if the schema exists.
    if (rows[0]?.[0] === null) await session.runScript(`CREATE SCHEMA ${quoteName(this.#schema)}`);
    await session.runScript(`
      SET LOCAL client_min_messages = warning;
      CREATE TABLE IF NOT EXISTS ${this.#table} (
        number bigint PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
      );
    `);
  }

  async #readApplied(session: Session): Promise<AppliedMigration[]> {
    const select = `SELECT number, name, checksum FROM ${this.#table} ORDER BY number`;
    return toRows(await session.run(select), APPLIED_COLUMNS);
  }

  async #apply(session: Session, migration: Migration): Promise<void> {
    await session.runScript(`SET LOCAL search_path TO ${quoteName(this.#schema)}`);
    await session.runScript(migration.text);
    await session.run(
      `INSERT INTO ${this.#table} (number, name, checksum) VALUES ($1::bigint, $2, $3)`,
      [String(migration.number), migration.name, migration.checksum],
    );
  }
}
