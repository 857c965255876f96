/** A buffered read-write transaction; its owner commits its writes. */
import { BufferedTransaction } from '../buffered-transaction.ts';
import { columnName } from '../column.ts';
import { type AnyRow, keyColumns, keyText } from '../key.ts';
import type { AnyTable } from '../table.ts';
import { encodeKey } from './mutations.ts';
import { type ReaderConfig, SpannerReader } from './reader.ts';

export class SpannerTransaction extends BufferedTransaction<SpannerReader> {
  constructor(config: ReaderConfig) {
    super(new SpannerReader(config));
  }

  get failure(): SpannerReader['failure'] {
    return this.reader.failure;
  }

  get transactionId(): SpannerReader['transactionId'] {
    return this.reader.transactionId;
  }

  /**
   * Which of the rows' keys are in the database, as key texts. Keys without a row are locked as well:
   * so what was found missing still is at the commit.
   */
  protected async storedKeys(table: AnyTable, rows: readonly AnyRow[]): Promise<Set<string>> {
    const columns = keyColumns(table);
    const found = await this.reader.readKeys(
      {
        table: table.name,
        columns: Object.keys(columns).map(columnName),
        keys: rows.map((row) => encodeKey(table, row)),
      },
      columns,
    );
    return new Set(found.map((row) => keyText(table, row)));
  }
}
