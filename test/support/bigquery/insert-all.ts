/**
 * `tabledata.insertAll`. Rows whose insertId was seen within the window land only once; of a request with an
 * invalid row nothing lands, unless `skipInvalidRows` is set.
 */
import { ApiError } from './errors.ts';
import type { Table } from './table.ts';
import { JsonRows, type Row, type ValueError } from './values.ts';
import type { Warehouse } from './warehouse.ts';

const MAX_INSERT_ID = 128;

interface InsertAll {
  readonly rows?: readonly { readonly insertId?: string; readonly json?: unknown }[];
  readonly skipInvalidRows?: boolean;
  readonly ignoreUnknownValues?: boolean;
  readonly templateSuffix?: string;
}

interface InsertError {
  readonly index: number;
  readonly errors: readonly {
    readonly reason: string;
    readonly location: string;
    readonly debugInfo: string;
    readonly message: string;
  }[];
}

interface Checked {
  readonly row: Row;
  readonly insertId: string | undefined;
  readonly errors: readonly ValueError[];
}

export function insertAll(warehouse: Warehouse, table: Table, body: InsertAll): object {
  const { insertAllRows } = warehouse.limits;
  const rows = body.rows ?? [];
  if (rows.length === 0) throw new ApiError(400, 'invalid', 'No rows present in the request.');
  if (rows.length > insertAllRows) {
    const message = `too many rows present in the request, limit: ${insertAllRows} row count: ${rows.length}.`;
    throw new ApiError(400, 'invalid', message);
  }
  if (body.templateSuffix) throw new ApiError(400, 'invalid', 'Template tables are not supported.');
  const json = new JsonRows(table.writableFields, body.ignoreUnknownValues ?? false);
  const checked = rows.map((row) => check(row, json, warehouse));
  const hasInvalid = checked.some(({ errors }) => errors.length > 0);
  const landing = body.skipInvalidRows
    ? checked.filter(({ errors }) => errors.length === 0)
    : checked;
  if (!hasInvalid || body.skipInvalidRows) land(warehouse, table, landing);
  const insertErrors = checked.flatMap(({ errors }, index) => {
    if (errors.length > 0) return [{ index, errors: errors.map(invalidValue) }];
    return hasInvalid && !body.skipInvalidRows ? [stopped(index)] : [];
  });
  const response = { kind: 'bigquery#tableDataInsertAllResponse' };
  return insertErrors.length > 0 ? { ...response, insertErrors } : response;
}

function check(
  { insertId, json }: { readonly insertId?: string; readonly json?: unknown },
  rows: JsonRows,
  { limits, rejects }: Warehouse,
): Checked {
  const errors: ValueError[] = [];
  const row = rows.convert(json, errors);
  const bytes = Buffer.byteLength(JSON.stringify(json) ?? '');
  if (bytes > limits.rowBytes) {
    const message = `Maximum allowed row size exceeded. Allowed: ${limits.rowBytes} Row size: ${bytes}`;
    errors.push({ location: '', message });
  }
  if (insertId && Buffer.byteLength(insertId) > MAX_INSERT_ID) {
    errors.push({ location: '', message: `Insert ID is longer than ${MAX_INSERT_ID} bytes.` });
  }
  const reason = errors.length === 0 ? rejects(row) : undefined;
  if (reason !== undefined) errors.push({ location: '', message: reason });
  return { row, insertId: insertId || undefined, errors };
}

function land(warehouse: Warehouse, table: Table, rows: readonly Checked[]): void {
  const now = warehouse.clock.now();
  const { insertIds } = table;
  // The ids are in the order of their times.
  for (const [id, at] of insertIds) {
    if (at + warehouse.limits.insertIdWindowMs > now) break;
    insertIds.delete(id);
  }
  for (const { row, insertId } of rows) {
    if (insertId !== undefined && insertIds.has(insertId)) continue;
    if (insertId === undefined) table.land({ row, streamedAt: now });
    else {
      insertIds.set(insertId, now);
      table.land({ row, insertId, streamedAt: now });
    }
  }
}

function invalidValue({ location, message }: ValueError): InsertError['errors'][number] {
  return { reason: 'invalid', location, debugInfo: '', message };
}

/** A valid row of a request that has invalid ones. */
function stopped(index: number): InsertError {
  return { index, errors: [{ reason: 'stopped', location: '', debugInfo: '', message: '' }] };
}
