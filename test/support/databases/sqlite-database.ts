/**
 * The storage contract on Node's own SQLite, in memory. It is a hundred times faster than PGlite, for tests
 * that run the real code through millions of steps. It serves one caller at a time, and tables have only the
 * columns and the key of their declaration. It is not a backend for users.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { CodedError, silentLog } from '@postlude/queue/foundations';
import {
  type AnyRow,
  type AnyTable,
  type ColumnKind,
  type Columns,
  columnName,
  type Database,
  type Dialect,
  emptySql,
  type NewRow,
  type Reader,
  type RowOf,
  raw,
  type Sql,
  selectList,
  sql,
  type Transaction,
} from '@postlude/queue/storage';
import {
  type AfterCommit,
  runAfterCommit,
} from '../../../packages/queue/src/storage/backend/after-commit.ts';
import { hasKey, rangeQuery } from '../../../packages/queue/src/storage/backend/key-queries.ts';
import { Listeners } from '../../../packages/queue/src/storage/backend/listeners.ts';
import { postgresDialect } from '../../../packages/queue/src/storage/postgres/dialect.ts';
import { compile } from '../../../packages/queue/src/storage/sql.ts';
import {
  WriteBuffer,
  type WriteGroup,
  type WriteKind,
} from '../../../packages/queue/src/storage/writes.ts';

const dialect: Dialect = {
  now: raw("(unixepoch('subsec') * 1000)"),
  fences: { next: raw('next_fence()'), skip: undefined },
  isAnyOf: (column, values) => sql`${column} IN (SELECT value FROM json_each(${values}))`,
  isAfterKey: postgresDialect.isAfterKey,
  isBeforeKey: postgresDialect.isBeforeKey,
  inByteOrder: (column) => column,
  byteLength: (value) => sql`octet_length(${value})`,
  useIndex: () => emptySql,
  indexShards: [],
};

let lastFence = 0;

export class SqliteDatabase implements Database {
  readonly dialect = dialect;
  readonly capabilities = { connections: 1, skipsLockedRows: false, notifies: false } as const;
  readonly notifications;
  readonly #connection = new DatabaseSync(':memory:');
  readonly #statements = new Map<string, StatementSync>();

  constructor(tables: readonly AnyTable[]) {
    for (const table of tables) this.#connection.exec(createTable(table));
    this.#connection.function('next_fence', { deterministic: false }, () => ++lastFence);
    const listeners = new Listeners();
    this.notifications = {
      notify: async (channel: string, payload: string) =>
        listeners.deliver(channel, payload, silentLog),
      listen: async (channel: string, fn: (payload: string) => void) => {
        const stop = listeners.add(channel, fn);
        return async () => stop();
      },
    };
  }

  read<T>(fn: (tx: Reader) => Promise<T>): Promise<T> {
    return fn(this.#reader());
  }

  async write<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    const writes = new WriteBuffer();
    const calls: AfterCommit[] = [];
    const value = await fn(this.#transaction(writes, calls));
    this.#apply(writes.groups());
    if (calls.length > 0) await runAfterCommit(calls, silentLog);
    return value;
  }

  async insertNew<T extends AnyTable>(table: T, rows: readonly NewRow<T>[]): Promise<NewRow<T>[]> {
    return await this.write((tx) => tx.insertNew(table, rows));
  }

  async statement<C extends Columns>(query: Sql, columns: C): Promise<RowOf<C>[]> {
    return this.#query(query, columns);
  }

  serverTime(): Promise<number> {
    throw new Error('this database has no clock');
  }

  async migrate(): Promise<string[]> {
    return [];
  }

  async checkSchema(): Promise<void> {
    // The constructor creates the tables from their declarations.
  }

  async close(): Promise<void> {
    if (this.#connection.isOpen) this.#connection.close();
  }

  /** Returns all rows of a table as text. The same rows give the same text. */
  dump(table: AnyTable, zeroed: readonly string[] = []): string {
    const cells = columnsOf(table)
      .map((column) => (zeroed.includes(column) ? '0' : column))
      .join(', ');
    const key = table.key.map(columnName).join(', ');
    const [dump] = this.#prepare(
      `SELECT json_group_array(json_array(${cells})) AS dump
       FROM (SELECT * FROM ${table.name} ORDER BY ${key})`,
    ).all();
    return String(dump?.dump);
  }

  /** Replaces all rows of a table with those of a dump. */
  restore(table: AnyTable, dump: string): void {
    const cells = columnsOf(table).map((_, index) => `json_extract(value, '$[${index}]')`);
    this.#prepare(`DELETE FROM ${table.name}`).run();
    this.#prepare(`INSERT INTO ${table.name} SELECT ${cells.join(', ')} FROM json_each(?)`).run(
      dump,
    );
  }

  #reader(): Reader {
    const query = async <C extends Columns>(text: Sql, columns: C) => this.#query(text, columns);
    return {
      dialect,
      query,
      readKeys: async (table, keys, columns) => {
        const found = keys.map((key) => this.#query(keyQuery(table, key, columns), columns));
        return found.flat();
      },
      readRange: (order, range, columns) =>
        query(rangeQuery(dialect, order, { ...range, columns }), columns),
      async *stream(text, columns) {
        yield* await query(text, columns);
      },
    };
  }

  #transaction(writes: WriteBuffer, calls: AfterCommit[]): Transaction {
    const add = (kind: WriteKind) => async (table: AnyTable, rows: readonly AnyRow[]) =>
      writes.add(kind, table, rows);
    const reader = this.#reader();
    return {
      ...reader,
      lockKeys: (table, keys, { columns }) => reader.readKeys(table, keys, columns),
      insert: add('insert'),
      update: add('update'),
      upsert: add('upsert'),
      delete: add('delete'),
      insertNew: async (table, rows) => this.#insertNew(writes, table, rows),
      afterCommit: (fn) => calls.push(fn),
    };
  }

  #insertNew<T extends AnyTable>(
    writes: WriteBuffer,
    table: T,
    rows: readonly NewRow<T>[],
  ): NewRow<T>[] {
    return rows.filter((row) => {
      const state = writes.stateOf(table, row);
      if (state === 'present' || (state === 'unknown' && this.#exists(table, row))) return false;
      writes.add('insertNew', table, [row]);
      return true;
    });
  }

  #query<C extends Columns>(query: Sql, columns: C): RowOf<C>[] {
    const { text, params } = compile(query, {
      placeholder: (position) => `?${position}`,
      tableName: (name) => name,
    });
    const values = params.map(({ kind, value }) => encode(kind, value));
    const rows = this.#prepare(text).all(...values) as Record<string, unknown>[];
    const decoders = Object.entries(columns).map(
      ([property, { kind }]) => [property, columnName(property), kind] as const,
    );
    return rows.map((row) => {
      const entries = decoders.map(([property, name, kind]) => [property, decode(kind, row[name])]);
      return Object.fromEntries(entries) as RowOf<C>;
    });
  }

  #exists(table: AnyTable, row: AnyRow): boolean {
    const { condition, values } = keyOf(table, row);
    return this.#prepare(`SELECT 1 FROM ${table.name} ${condition}`).get(...values) !== undefined;
  }

  #apply(groups: readonly WriteGroup[]): void {
    if (groups.length === 0) return;
    this.#connection.exec('BEGIN');
    try {
      for (const group of groups) for (const row of group.rows) this.#applyRow(group, row);
      this.#connection.exec('COMMIT');
    } catch (error) {
      this.#connection.exec('ROLLBACK');
      throw error;
    }
  }

  #applyRow({ table, kind, properties }: WriteGroup, row: AnyRow): void {
    const { condition, values } = keyOf(table, row);
    const names = properties.map(columnName);
    const cells = properties.map((property) => encodeCell(table, property, row));
    if (kind === 'delete') {
      this.#prepare(`DELETE FROM ${table.name} ${condition}`).run(...values);
    } else if (kind === 'update') {
      const set = names.map((name) => `${name} = ?`).join(', ');
      const run = this.#prepare(`UPDATE ${table.name} SET ${set} ${condition}`);
      if (run.run(...cells, ...values).changes === 0) {
        throw new CodedError('not-found', `no such row in ${table.name}`);
      }
    } else {
      if (kind !== 'upsert' && this.#exists(table, row)) {
        throw new CodedError('already-exists', `the row is in ${table.name} already`);
      }
      const marks = names.map(() => '?').join(', ');
      this.#prepare(
        `INSERT OR REPLACE INTO ${table.name} (${names.join(', ')}) VALUES (${marks})`,
      ).run(...cells);
    }
  }

  #prepare(text: string): StatementSync {
    const known = this.#statements.get(text);
    if (known) return known;
    const statement = this.#connection.prepare(text);
    this.#statements.set(text, statement);
    return statement;
  }
}

function columnsOf(table: AnyTable): string[] {
  return Object.keys(table.columns).map(columnName);
}

function createTable({ name, columns, key }: AnyTable): string {
  const names = columnsOf({ name, columns, key });
  const primaryKey = key.map(columnName).join(', ');
  return `CREATE TABLE ${name} (${names.join(', ')}, PRIMARY KEY (${primaryKey})) WITHOUT ROWID`;
}

function keyQuery(table: AnyTable, key: AnyRow, columns: Columns): Sql {
  return sql`SELECT ${selectList(columns)} FROM ${table} WHERE ${hasKey(table, table.key, key)}`;
}

function keyOf(table: AnyTable, row: AnyRow) {
  const terms = table.key.map((property: string) => `${columnName(property)} = ?`);
  const values = table.key.map((property: string) => encodeCell(table, property, row));
  return { condition: `WHERE ${terms.join(' AND ')}`, values };
}

function encodeCell(table: AnyTable, property: string, row: AnyRow): SQLInputValue {
  return encode(table.columns[property].kind, row[property]);
}

function encode(kind: ColumnKind, value: unknown): SQLInputValue {
  if (value === undefined || value === null) return null;
  if (kind === 'bool') return value === true ? 1 : 0;
  if (kind === 'bytes') return toHex(value);
  if (kind === 'bytes[]') return JSON.stringify((value as unknown[]).map(toHex));
  if (kind.endsWith('[]')) return JSON.stringify(value);
  return value as SQLInputValue;
}

function decode(kind: ColumnKind, value: unknown): unknown {
  if (value === null) return undefined;
  if (kind === 'bool') return value === 1;
  if (kind === 'bytes') return fromHex(value);
  if (!kind.endsWith('[]')) return value;
  const items = JSON.parse(String(value)) as unknown[];
  return kind === 'bytes[]' ? items.map(fromHex) : items;
}

/** Encodes bytes as text, as a dump cannot contain a BLOB. */
function toHex(bytes: unknown): string {
  return Buffer.from(bytes as Uint8Array).toString('hex');
}

function fromHex(hex: unknown): Uint8Array {
  return new Uint8Array(Buffer.from(String(hex), 'hex'));
}
