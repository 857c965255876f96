/**
 * Collects the rows of an export in files of this machine, and converts them into a Parquet file
 * beside them. The same rows give the same bytes.
 */
import { CodedError } from '@postlude/queue/foundations';
import type { Batch } from '../batches.ts';
import { rowJson } from '../rows/row-json.ts';
import type { Export, ExportSummary } from '../sink.ts';
import type { Disk } from './disk.ts';
import { convertToParquet } from './duckdb.ts';
import { RowFiles, type RowPaths } from './row-files.ts';

/** Rows cannot be appended to Parquet, as its row groups consist of columns. */
export interface ParquetPaths extends RowPaths {
  readonly data: string;
  /** A folder for what does not fit into the memory of the conversion. */
  readonly spill: string;
}

/** The size of the rows as JSON. A reader must hold a part of this at once: one column. */
const ROW_GROUP_BYTES = 4 * 1024 * 1024;
const MIN_ROW_GROUP_ROWS = 64;
const MAX_ROW_GROUP_ROWS = 122_880;

export class ParquetFile {
  readonly #paths: ParquetPaths;
  readonly #rows: RowFiles;
  #maxLineBytes = 0;
  #maxRowBytes = 1;

  private constructor(paths: ParquetPaths, rows: RowFiles) {
    this.#paths = paths;
    this.#rows = rows;
  }

  /** Throws if there is a file of rows. */
  static async create(disk: Disk, paths: ParquetPaths): Promise<ParquetFile> {
    return new ParquetFile(paths, await RowFiles.create(disk, paths));
  }

  async append(batch: Batch): Promise<void> {
    this.#maxRowBytes = Math.max(this.#maxRowBytes, batch.bytes / batch.rows.length);
    await this.#rows.append(this.#lines(batch));
  }

  *#lines({ rows }: Batch): Generator<string, void, void> {
    for (const row of rows) {
      const line = `${rowJson(row)}\n`;
      // A UTF-16 code unit takes up to three bytes of UTF-8.
      this.#maxLineBytes = Math.max(this.#maxLineBytes, line.length * 3);
      yield line;
    }
  }

  /** Throws `data-loss` if the file has other than the number of rows that were exported. */
  async convert(exported: Export, summary: ExportSummary, signal: AbortSignal): Promise<void> {
    await this.#rows.close();
    const { rows: from, data: to, spill } = this.#paths;
    const conversion = {
      from,
      more: this.#rows.more,
      to,
      columns: exported.kind.columns,
      spill,
      maxLineBytes: this.#maxLineBytes,
      rowGroupRows: rowGroupRows(this.#maxRowBytes),
      metadata: {
        postlude_invocation: exported.invocationId,
        postlude_export: exported.fingerprint,
      },
    };
    const rows = await convertToParquet(conversion, signal);
    if (rows === summary.rows) return;
    throw new CodedError('data-loss', `wrote ${rows} rows instead of ${summary.rows}`);
  }

  /** Closes the file of rows. It never throws. */
  async close(): Promise<void> {
    await this.#rows.close().catch(() => undefined);
  }
}

function rowGroupRows(maxRowBytes: number): number {
  const rows = Math.floor(ROW_GROUP_BYTES / maxRowBytes);
  return Math.min(MAX_ROW_GROUP_ROWS, Math.max(MIN_ROW_GROUP_ROWS, rows));
}
