/** Reads within a transaction of one session: small results at once, large ones through a cursor. */
import { rangeQuery } from '../backend/key-queries.ts';
import type { Columns, RowOf } from '../column.ts';
import type { KeyRange, LockingRead, Reader } from '../database.ts';
import type { Sql } from '../sql.ts';
import type { AnyTable, Key, KeyOrder } from '../table.ts';
import { postgresDialect } from './dialect.ts';
import { keysQuery } from './key-reads.ts';
import { type Session, type SessionResult, toRows, toStatement } from './session.ts';

/** The first page is small, for readers that stop early. Later pages aim at this amount of text. */
const FIRST_PAGE_ROWS = 100;
const MAX_PAGE_ROWS = 1000;
const PAGE_CHARACTERS = 250_000;

export class SessionReader implements Reader {
  readonly dialect = postgresDialect;
  readonly #session: Session;
  readonly #schema: string;
  #cursors = 0;

  constructor(session: Session, schema: string) {
    this.#session = session;
    this.#schema = schema;
  }

  async query<C extends Columns>(query: Sql, columns: C): Promise<RowOf<C>[]> {
    const { text, values } = toStatement(query, this.#schema);
    return toRows(await this.#session.run(text, values), columns);
  }

  async readKeys<T extends AnyTable, C extends Columns>(
    table: T,
    keys: readonly Key<T>[],
    columns: C,
  ): Promise<RowOf<C>[]> {
    if (keys.length === 0) return [];
    return await this.query(keysQuery(table, keys, { columns }), columns);
  }

  /** For read-write transactions. */
  async lockKeys<T extends AnyTable, C extends Columns>(
    table: T,
    keys: readonly Key<T>[],
    read: LockingRead<C>,
  ): Promise<RowOf<C>[]> {
    if (keys.length === 0) return [];
    return await this.query(keysQuery(table, keys, read), read.columns);
  }

  async readRange<C extends Columns>(
    order: KeyOrder,
    range: KeyRange,
    columns: C,
  ): Promise<RowOf<C>[]> {
    if (range.first.length === 0) return [];
    return await this.query(rangeQuery(this.dialect, order, { ...range, columns }), columns);
  }

  async *stream<C extends Columns>(query: Sql, columns: C): AsyncGenerator<RowOf<C>, void, void> {
    const { text, values } = toStatement(query, this.#schema);
    const cursor = `postlude_stream_${++this.#cursors}`;
    await this.#session.run(`DECLARE ${cursor} NO SCROLL CURSOR FOR ${text}`, values);
    let isOpen = true;
    try {
      let pageRows = FIRST_PAGE_ROWS;
      while (true) {
        const page = await this.#session.run(`FETCH ${pageRows} FROM ${cursor}`);
        yield* toRows(page, columns);
        if (page.rows.length < pageRows) return;
        pageRows = nextPageRows(page);
      }
    } catch (error) {
      isOpen = false; // an error ends the transaction, and the cursor with it
      throw error;
    } finally {
      if (isOpen) await this.#session.run(`CLOSE ${cursor}`);
    }
  }
}

function nextPageRows(page: SessionResult): number {
  let characters = 0;
  for (const row of page.rows) for (const cell of row) characters += cell?.length ?? 0;
  const fitting = Math.floor((PAGE_CHARACTERS * page.rows.length) / Math.max(characters, 1));
  return Math.min(Math.max(fitting, 1), MAX_PAGE_ROWS);
}
