/** Rows as `insertAll` takes them, with the ids by which it recognizes a row that is sent again. */
import { hash } from 'node:crypto';
import { type ExportRow, keyOf } from '../../rows/row-kind.ts';
import type { Column } from '../../rows/schema.ts';
import type { Export } from '../../sink.ts';

export interface JsonRow {
  readonly insertId: string;
  readonly json: Readonly<Record<string, unknown>>;
}

type Fields = Readonly<Record<string, unknown>>;

const MICROS_PER_MS = 1000;

/** Times become text, as a number of seconds would lose microseconds. */
export function toJson(columns: readonly Column[], row: object): Fields {
  const json: Record<string, unknown> = {};
  for (const { name, type, mode, fields } of columns) {
    const value = (row as Fields)[name];
    if (value === undefined) continue;
    if (type === 'TIMESTAMP') json[name] = formatMicros(value as number);
    else if (type !== 'RECORD') json[name] = value;
    else if (mode === 'NULLABLE') json[name] = toJson(fields, value as object);
    else json[name] = (value as readonly object[]).map((item) => toJson(fields, item));
  }
  return json;
}

/**
 * Two exports into one table never have an id in common, even if they have results in common. The id has 64
 * characters; BigQuery takes up to 128 bytes.
 */
export function insertId(exported: Pick<Export, 'invocationId' | 'index'>, row: ExportRow): string {
  const { invocationId, index } = exported;
  const { parentId, testId, resultId } = keyOf(row);
  const key = [invocationId, index, parentId, testId, resultId];
  return hash('sha256', JSON.stringify(key), 'hex');
}

export function formatMicros(micros: number): string {
  const millis = Math.floor(micros / MICROS_PER_MS);
  const rest = String(micros - millis * MICROS_PER_MS).padStart(3, '0');
  return new Date(millis).toISOString().replace('Z', `${rest}Z`);
}
