/** A reader that begins nothing more once its signal has aborted. It throws the signal's reason then. */
import type { Columns, RowOf } from '../column.ts';
import type { KeyRange, Reader } from '../database.ts';
import type { Sql } from '../sql.ts';
import type { AnyTable, Key, KeyOrder } from '../table.ts';

/** Returns the reader itself if there is no signal. */
export function abortable(reader: Reader, signal: AbortSignal | undefined): Reader {
  return signal === undefined ? reader : new AbortableReader(reader, signal);
}

class AbortableReader implements Reader {
  readonly #reader: Reader;
  readonly #signal: AbortSignal;

  constructor(reader: Reader, signal: AbortSignal) {
    this.#reader = reader;
    this.#signal = signal;
  }

  get dialect(): Reader['dialect'] {
    return this.#reader.dialect;
  }

  async query<C extends Columns>(query: Sql, columns: C): Promise<RowOf<C>[]> {
    this.#signal.throwIfAborted();
    return await this.#reader.query(query, columns);
  }

  async readKeys<T extends AnyTable, C extends Columns>(
    table: T,
    keys: readonly Key<T>[],
    columns: C,
  ): Promise<RowOf<C>[]> {
    this.#signal.throwIfAborted();
    return await this.#reader.readKeys(table, keys, columns);
  }

  async readRange<C extends Columns>(
    order: KeyOrder,
    range: KeyRange,
    columns: C,
  ): Promise<RowOf<C>[]> {
    this.#signal.throwIfAborted();
    return await this.#reader.readRange(order, range, columns);
  }

  async *stream<C extends Columns>(query: Sql, columns: C): AsyncGenerator<RowOf<C>, void, void> {
    this.#signal.throwIfAborted();
    for await (const row of this.#reader.stream(query, columns)) {
      this.#signal.throwIfAborted();
      yield row;
    }
  }
}
