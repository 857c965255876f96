/**
 * Writes rows through `tabledata.insertAll`. A request whose response is lost is sent again with the same
 * ids, by which BigQuery recognizes its rows for about a minute: so a row may land more than once.
 */
import type { ExportTable } from '../sink.ts';
import type { TableClient } from './clients/ports.ts';
import type { JsonRow } from './rows/json-row.ts';
import type { AppendOutcome, RowWriter, WriterPool } from './streams/row-writer.ts';
import type { TableCalls } from './tables/table-calls.ts';

export interface InsertAllParts {
  readonly client: Pick<TableClient, 'insert'>;
  readonly calls: TableCalls;
}

export class InsertAllPool implements WriterPool<JsonRow> {
  readonly #parts: InsertAllParts;

  constructor(parts: InsertAllParts) {
    this.#parts = parts;
  }

  async take(table: ExportTable, signal: AbortSignal | undefined): Promise<RowWriter<JsonRow>> {
    return {
      stream: undefined,
      nextOffset: 0,
      isClean: false,
      isUntouched: false,
      append: (rows) => this.#insert(table, rows, signal),
      close: () => undefined,
    };
  }

  giveBack(): void {
    // A writer holds nothing.
  }

  #insert(
    table: ExportTable,
    rows: readonly JsonRow[],
    signal: AbortSignal | undefined,
  ): Promise<AppendOutcome> {
    const { client, calls } = this.#parts;
    const outcome = calls
      .call(table, () => client.insert(table, rows), signal)
      .then((refused): AppendOutcome => ({ kind: 'partly', rows: refused }));
    // Outcomes are awaited in order, so a later one may fail before anybody awaits it.
    outcome.catch(() => undefined);
    return outcome;
  }
}
