/**
 * One connection as the PostgreSQL backends see it, independent of the driver. Values are sent and received
 * in the database's text form (types.ts), but large bytes may be sent in binary. Errors are thrown as errors.ts maps them.
 */

import type { EpochMs } from '../../foundations/clock.ts';
import { type Columns, columnName, type RowOf, timestamp } from '../column.ts';
import { compile, type Sql } from '../sql.ts';
import { columnDecoder, encodeValue, sqlTypeOf, type WireParam, type WireValue } from './types.ts';

export interface Session {
  /** Runs one statement. */
  run(text: string, values?: readonly WireParam[]): Promise<SessionResult>;
  /** Runs several statements without parameters, separated by semicolons. */
  runScript(text: string): Promise<void>;
}

export interface SessionResult {
  /** The first word of the command's tag: `COMMIT`, `SELECT`. */
  readonly command: string;
  readonly fields: readonly string[];
  readonly rows: readonly (readonly WireValue[])[];
  /** The number of rows that were returned or changed. */
  readonly count: number;
}

export interface Statement {
  readonly text: string;
  readonly values: readonly WireParam[];
}

/** Returns the name as a quoted identifier. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Returns the full name of a table: in `schema`, unless the table names its own, as `shop.letters` does. */
export function tableName(schema: string, table: string): string {
  const names = table.includes('.') ? table.split('.') : [schema, table];
  return names.map(quoteName).join('.');
}

export function toStatement(query: Sql, schema: string): Statement {
  const { text, params } = compile(query, {
    placeholder: (position, kind) => `$${position}::${sqlTypeOf(kind)}`,
    tableName: (name) => tableName(schema, name),
  });
  return { text, values: params.map((param) => encodeValue(param.kind, param.value)) };
}

/** Returns the rows with the names and types of `columns`. The result may have its columns in any order. */
export function toRows<C extends Columns>(result: SessionResult, columns: C): RowOf<C>[] {
  const decoders = Object.entries(columns).map(([property, type]) => {
    const index = result.fields.indexOf(columnName(property));
    if (index === -1) throw new Error(`the query does not select ${columnName(property)}`);
    return { property, decode: columnDecoder(type.kind), index };
  });
  return result.rows.map((cells) => {
    const row: Record<string, unknown> = {};
    for (const { property, decode, index } of decoders) {
      row[property] = decode(cells[index] ?? null);
    }
    return row as RowOf<C>;
  });
}

export async function readServerTime(session: Session): Promise<EpochMs> {
  const result = await session.run('SELECT clock_timestamp() AS now');
  const [row] = toRows(result, { now: timestamp });
  if (!row) throw new Error('the database returned no time');
  return row.now;
}
