/** The rows of exports that the warehouse refused, each with the reason. */
import type { Reader, Transaction } from '@postlude/queue/storage';
import { int, type Row, raw, selectList, sql, table, text } from '@postlude/queue/storage';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import type { Export } from './sink.ts';

export const rejectedRows = table(
  'rejected_rows',
  {
    invocationId: text,
    exportIndex: int,
    rowNumber: int,
    parentId: text,
    testId: text,
    resultId: text,
    reason: text,
  },
  ['invocationId', 'exportIndex', 'rowNumber'],
);

export interface RejectedRow {
  /** The number of the row in the export, from 0. */
  readonly row: number;
  readonly parentId: string;
  readonly testId: string;
  readonly resultId: string;
  readonly reason: string;
}

export type ExportName = Pick<Export, 'invocationId' | 'index'>;

export interface RejectedRowsPage {
  /** Begins with this row of the export; 0 unless given. */
  readonly from?: number;
  readonly limit: number;
}

const MAX_REASON_LENGTH = 1_000;
const DELETED_AT_ONCE = 1_000;

/** Reads a page of an export's rejected rows, in the order of the export. */
export async function readRejectedRows(
  reader: Reader,
  name: ExportName,
  { from = 0, limit }: RejectedRowsPage,
): Promise<RejectedRow[]> {
  const { invocationId, exportIndex } = exportKey(name);
  const query = sql`SELECT ${selectList(rejectedRows.columns)} FROM ${rejectedRows}
    WHERE invocation_id = ${text(invocationId)} AND export_index = ${int(exportIndex)}
      AND row_number >= ${int(from)}
    ORDER BY row_number LIMIT ${raw(String(Math.trunc(limit)))}`;
  return (await reader.query(query, rejectedRows.columns)).map(toRejectedRow);
}

/** A row that has been rejected before is written again. */
export async function writeRejectedRows(
  tx: Transaction,
  name: ExportName,
  rejected: readonly RejectedRow[],
): Promise<void> {
  const key = exportKey(name);
  const rows = rejected.map(({ row, reason, ...result }) => ({
    ...key,
    ...result,
    rowNumber: row,
    reason: reason.slice(0, MAX_REASON_LENGTH).toWellFormed().replaceAll('\0', '\ufffd'),
  }));
  await tx.upsert(rejectedRows, rows);
}

/** Forgets all rejected rows of an export. */
export async function deleteRejectedRows(tx: Transaction, name: ExportName): Promise<void> {
  const key = exportKey(name);
  for (let from = 0, limit = DELETED_AT_ONCE; limit === DELETED_AT_ONCE; ) {
    const rows = await readRejectedRows(tx, name, { from, limit });
    await tx.delete(
      rejectedRows,
      rows.map(({ row }) => ({ ...key, rowNumber: row })),
    );
    from = (rows.at(-1)?.row ?? 0) + 1;
    limit = rows.length;
  }
}

export function exportKey({ invocationId, index }: ExportName) {
  return { invocationId: toRowId(invocationId as InvocationId), exportIndex: index };
}

function toRejectedRow(row: Row<typeof rejectedRows>): RejectedRow {
  const { rowNumber, parentId, testId, resultId, reason } = row;
  return { row: rowNumber, parentId, testId, resultId, reason };
}
