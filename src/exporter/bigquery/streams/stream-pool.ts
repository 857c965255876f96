/**
 * Committed streams that exports use one after another, so that a small export does not create a stream of
 * its own: BigQuery refuses more than some forty new streams a second. An export has its stream for itself
 * while it runs, and gives it back once all its rows are acknowledged and that is written down. A stream
 * whose export failed is never used again, as a later attempt finalizes it to see what has landed.
 */
import type { Column } from '../../rows/schema.ts';
import type { ExportTable } from '../../sink.ts';
import type { StreamClient } from '../clients/ports.ts';
import type { TableCalls } from '../tables/table-calls.ts';
import { tableName } from '../tables/table-name.ts';
import type { RowWriter, WriterPool } from './row-writer.ts';
import { StreamWriter } from './stream-writer.ts';

export interface StreamPoolParts {
  readonly client: StreamClient;
  readonly calls: TableCalls;
  /** The columns of all rows that go through the pool. */
  readonly columns: readonly Column[];
}

interface Idle {
  readonly table: string;
  readonly writer: StreamWriter;
  readonly sinceMs: number;
}

/** Each has a connection, and one HTTP/2 connection has room for a hundred. */
const MAX_IDLE = 32;
/** The service closes idle connections after ten minutes, and forgets idle streams after days. */
const MAX_IDLE_MS = 600_000;

export class StreamPool implements WriterPool<Uint8Array> {
  readonly #parts: StreamPoolParts;
  #idle: Idle[] = [];

  constructor(parts: StreamPoolParts) {
    this.#parts = parts;
  }

  /** Returns a clean writer for the table; `fresh` for one whose stream is new. */
  async take(
    table: ExportTable,
    signal: AbortSignal | undefined,
    kind: 'any' | 'fresh' = 'any',
  ): Promise<StreamWriter> {
    this.#dropOld();
    if (kind === 'fresh') this.#drop((idle) => idle.table === tableName(table));
    const writer = this.#takeIdle(tableName(table)) ?? (await this.#create(table, signal));
    writer.use(signal);
    return writer;
  }

  giveBack(table: ExportTable, writer: RowWriter<Uint8Array>): void {
    if (!(writer instanceof StreamWriter)) return;
    const { clock } = this.#parts.calls;
    this.#idle.push({ table: tableName(table), writer, sinceMs: clock.monotonicMs() });
    this.#dropOld();
  }

  close(): void {
    this.#drop(() => true);
  }

  async #create(table: ExportTable, signal: AbortSignal | undefined): Promise<StreamWriter> {
    const { client, calls, columns } = this.#parts;
    const stream = await calls.call(table, () => client.create(table), signal);
    return new StreamWriter({ client, calls, columns, table, stream });
  }

  /** Takes the one that was used last, so that the others can grow old. */
  #takeIdle(table: string): StreamWriter | undefined {
    const index = this.#idle.findLastIndex((idle) => idle.table === table && idle.writer.isClean);
    return index < 0 ? undefined : this.#idle.splice(index, 1)[0]?.writer;
  }

  #dropOld(): void {
    const youngest = this.#parts.calls.clock.monotonicMs() - MAX_IDLE_MS;
    const kept = this.#idle.slice(-MAX_IDLE);
    this.#drop((idle) => idle.sinceMs < youngest || !kept.includes(idle));
  }

  #drop(isDropped: (idle: Idle) => boolean): void {
    for (const idle of this.#idle.filter(isDropped)) idle.writer.close();
    this.#idle = this.#idle.filter((idle) => !isDropped(idle));
  }
}
