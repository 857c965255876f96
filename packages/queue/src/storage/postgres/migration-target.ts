/**
 * A PostgreSQL schema as a target of migrations. Each migration is one transaction that holds an advisory
 * lock on the schema's name. The lock ends with the transaction, even if a connection pooler is used.
 */

import { int, text } from '../column.ts';
import type { Migration } from '../migrations.ts';
import { type AppliedMigration, type MigrationTarget, MOVED, withNounsOf } from '../migrator.ts';
import { quoteName, type Session, tableName, toRows } from './session.ts';

/** Runs `fn` in a READ COMMITTED transaction of one session, and commits. */
export type RunTransaction = <T>(fn: (session: Session) => Promise<T>) => Promise<T>;

const APPLIED_COLUMNS = { setName: text, number: int, name: text, checksum: text };

export class PostgresMigrationTarget implements MigrationTarget {
  readonly #transaction: RunTransaction;
  readonly #schema: string;
  readonly #table: string;
  /** Earlier versions recorded their migrations here. */
  readonly #formerTable: string;

  constructor(transaction: RunTransaction, schema: string) {
    this.#transaction = transaction;
    this.#schema = schema;
    this.#table = tableName(schema, 'applied_migrations');
    this.#formerTable = tableName(schema, 'schema_migrations');
  }

  applied(): Promise<readonly AppliedMigration[]> {
    return this.#transaction(async (session) => {
      return (await exists(session, this.#table)) ? await this.#readApplied(session) : [];
    });
  }

  adopt(migrations: readonly Migration[]): Promise<void> {
    return this.#transaction(async (session) => {
      if (!(await exists(session, this.#formerTable))) return;
      await this.#lock(session);
      await this.#createTable(session);
      const former = toRows(await session.run(`SELECT name FROM ${this.#formerTable}`), {
        name: text,
      });
      const names = former.map(({ name }) => name);
      for (const migration of withNounsOf(names, migrations))
        await this.#record(session, migration);
      const { number, name, checksum } = MOVED;
      await session.run(
        `INSERT INTO ${this.#formerTable} (number, name, checksum) VALUES ($1::bigint, $2, $3)
         ON CONFLICT DO NOTHING`,
        [String(number), name, checksum],
      );
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
        set_name text NOT NULL,
        number bigint NOT NULL,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (set_name, number)
      );
    `);
  }

  async #readApplied(session: Session): Promise<AppliedMigration[]> {
    const select = `SELECT set_name, number, name, checksum FROM ${this.#table} ORDER BY set_name, number`;
    return toRows(await session.run(select), APPLIED_COLUMNS);
  }

  async #apply(session: Session, migration: Migration): Promise<void> {
    await session.runScript(`SET LOCAL search_path TO ${quoteName(this.#schema)}`);
    await session.runScript(migration.text);
    await this.#record(session, migration);
  }

  async #record(session: Session, { setName, number, name, checksum }: Migration): Promise<void> {
    await session.run(
      `INSERT INTO ${this.#table} (set_name, number, name, checksum) VALUES ($1, $2::bigint, $3, $4)
       ON CONFLICT DO NOTHING`,
      [setName, String(number), name, checksum],
    );
  }
}

async function exists(session: Session, table: string): Promise<boolean> {
  const { rows } = await session.run('SELECT to_regclass($1)::text', [table]);
  return rows[0]?.[0] !== null;
}
