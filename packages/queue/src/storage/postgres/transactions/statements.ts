/**
 * Turns groups of writes into single statements. Each column is one array parameter, so the text, and with it
 * the plan, is the same for any number of rows.
 */
import { CodedError } from '../../../foundations/errors.ts';
import { type ColumnKind, type ColumnType, columnName, FromNow } from '../../column.ts';
import type { AnyRow } from '../../key.ts';
import type { AnyTable } from '../../table.ts';
import type { WriteGroup } from '../../writes.ts';
import { encodeBytesArray } from '../bytes-array.ts';
import { quoteName, type Session, type Statement, tableName } from '../session.ts';
import { encodeColumn, sqlTypeOf, type WireParam } from '../types.ts';

/** The value of `pg_current_xact_id()` in the transaction; without an open one, it differs each time. */
export type TransactionNumber = string;

/** A statement for the script that begins a transaction. It holds until the transaction ends. */
export const SET_BEGUN = "SET LOCAL postlude.begun = 'yes'";
const IS_BEGUN = "current_setting('postlude.begun', true) = 'yes'";

/**
 * Where a statement changes rows: in the transaction of that number, or in any that was begun by
 * `Connection.beginAhead`. Elsewhere it changes nothing, in particular if a BEGIN that it followed without
 * waiting has failed.
 */
export type Condition = { readonly transaction: TransactionNumber } | 'begun ahead';

export interface StatementPlace {
  readonly schema: string;
  readonly only?: Condition | undefined;
  /** Whether the session's driver sends a Buffer as a value in binary form. */
  readonly isBinary?: boolean | undefined;
}

export interface WritePlace extends StatementPlace {
  readonly session: Session;
}

/**
 * Applies a group. Throws `not-found` for updates of missing rows, `already-exists` for inserts of existing
 * ones, and `conflict` if a row of an `insertNew` has been inserted since it was found missing.
 */
export async function applyGroup(place: WritePlace, group: WriteGroup) {
  const { text, values } = statementOf(group, place);
  const { count } = await place.session.run(text, values);
  checkCount(group, count);
}

/** Throws as `applyGroup` does, if `count`, the number of changed rows, is too small for the group. */
export function checkCount(group: WriteGroup, count: number): void {
  const missing = group.rows.length - count;
  if (missing === 0 || group.kind === 'delete') return;
  if (group.kind === 'update') {
    throw new CodedError('not-found', `no such row in ${group.table.name} (${missing} to update)`);
  }
  if (group.kind === 'insertNew') {
    throw new CodedError('conflict', `a row of ${group.table.name} was inserted meanwhile`);
  }
}

/** Inserts the rows that are new; the result has the keys of the inserted rows. */
export function insertNewStatement(group: WriteGroup, place: StatementPlace): Statement {
  const keys = group.table.key.map((property: string) => quoteName(columnName(property)));
  const { text, values } = insertStatement(group, place);
  return { text: `${text} ON CONFLICT DO NOTHING RETURNING ${keys.join(', ')}`, values };
}

export function statementOf(group: WriteGroup, place: StatementPlace): Statement {
  switch (group.kind) {
    case 'insert':
      return insertStatement(group, place);
    case 'insertNew': {
      const { text, values } = insertStatement(group, place);
      return { text: `${text} ON CONFLICT DO NOTHING`, values };
    }
    case 'upsert':
      return upsertStatement(group, place);
    case 'update':
      return updateStatement(group, place);
    case 'delete':
      return deleteStatement(group, place);
  }
}

function insertStatement(group: WriteGroup, place: StatementPlace): Statement {
  const columns = columnsOf(group);
  const names = columns.map(({ name }) => name);
  const text =
    `INSERT INTO ${tableName(place.schema, group.table.name)} (${names.join(', ')}) ` +
    `SELECT ${columns.map(({ selected }) => selected).join(', ')} FROM ${unnest(columns)} WHERE true`;
  return limited({ text, values: valuesOf(group.rows, columns, place) }, place);
}

function upsertStatement(group: WriteGroup, place: StatementPlace): Statement {
  const { text, values } = insertStatement(group, place);
  const { keys, others } = splitByKey(group);
  const target = keys.map(({ name }) => name).join(', ');
  const assignments = others.map(({ name }) => `${name} = excluded.${name}`).join(', ');
  const action = assignments === '' ? 'NOTHING' : `UPDATE SET ${assignments}`;
  return { text: `${text} ON CONFLICT (${target}) DO ${action}`, values };
}

function updateStatement(group: WriteGroup, place: StatementPlace): Statement {
  const columns = columnsOf(group);
  const { keys, others } = splitByKey(group);
  // An update without changes must still find its row.
  const assigned = others.length > 0 ? others : keys.slice(0, 1);
  const assignments = assigned.map(({ name, selected }) => `${name} = ${selected}`);
  const text =
    `UPDATE ${tableName(place.schema, group.table.name)} AS t SET ${assignments.join(', ')} ` +
    `FROM ${unnest(columns)} WHERE ${matches(keys)}`;
  return limited({ text, values: valuesOf(group.rows, columns, place) }, place);
}

function deleteStatement(group: WriteGroup, place: StatementPlace): Statement {
  const columns = columnsOf(group);
  const text =
    `DELETE FROM ${tableName(place.schema, group.table.name)} AS t ` +
    `USING ${unnest(columns)} WHERE ${matches(columns)}`;
  return limited({ text, values: valuesOf(group.rows, columns, place) }, place);
}

function limited({ text, values }: Statement, { only }: StatementPlace): Statement {
  if (only === undefined) return { text, values };
  if (only === 'begun ahead') return { text: `${text} AND ${IS_BEGUN}`, values };
  const condition = `pg_current_xact_id() = $${values.length + 1}::text::xid8`;
  return { text: `${text} AND ${condition}`, values: [...values, only.transaction] };
}

interface WrittenColumn {
  /** Quoted. */
  readonly name: string;
  /** The value of one row: `v.name`, with a cast if it is sent as text. */
  readonly selected: string;
  readonly isKey: boolean;
  /** The parameters for its values, mostly one array. */
  readonly arrays: readonly ValueArray[];
}

interface ValueArray {
  /** Quoted. */
  readonly name: string;
  readonly kind: ColumnKind;
  cellOf(row: AnyRow): unknown;
}

function columnsOf(group: WriteGroup): WrittenColumn[] {
  const { table, properties } = group;
  return properties.map((property) => {
    const { kind } = columnTypeOf(table, property);
    const isKey = table.key.includes(property);
    return { isKey, ...writtenColumn(property, kind, group.rows) };
  });
}

function writtenColumn(
  property: string,
  kind: ColumnKind,
  rows: readonly AnyRow[],
): Omit<WrittenColumn, 'isKey'> {
  if (rows.every((row) => isNow(row[property]))) return nowColumn(property);
  const isFromNow = rows.some((row) => row[property] instanceof FromNow);
  return isFromNow ? fromNowColumn(property, kind) : plainColumn(property, kind);
}

function isNow(value: unknown): boolean {
  return value instanceof FromNow && value.ms === 0;
}

/** Most rows are written with the time of the statement, which then needs no parameter. */
function nowColumn(property: string): Omit<WrittenColumn, 'isKey'> {
  const name = quoteName(columnName(property));
  return { name, selected: 'statement_timestamp()', arrays: [] };
}

function plainColumn(property: string, kind: ColumnKind): Omit<WrittenColumn, 'isKey'> {
  const name = quoteName(columnName(property));
  const cast = isArray(kind) ? `::${sqlTypeOf(kind)}` : '';
  const cellOf = (row: AnyRow): unknown => row[property];
  return { name, selected: `v.${name}${cast}`, arrays: [{ name, kind, cellOf }] };
}

/** Each row has either a time or a distance from the time of the statement. */
function fromNowColumn(property: string, kind: ColumnKind): Omit<WrittenColumn, 'isKey'> {
  const name = quoteName(columnName(property));
  const delay = quoteName(`${columnName(property)}_delay`);
  const delayOf = (value: unknown) => (value instanceof FromNow ? value.ms : undefined);
  const timeOf = (value: unknown) => (value instanceof FromNow ? undefined : value);
  return {
    name,
    selected: `coalesce(v.${name}, statement_timestamp() + v.${delay} * interval '1 millisecond')`,
    arrays: [
      { name, kind, cellOf: (row) => timeOf(row[property]) },
      { name: delay, kind: 'float', cellOf: (row) => delayOf(row[property]) },
    ],
  };
}

function columnTypeOf(table: AnyTable, property: string): ColumnType<unknown> {
  const type = table.columns[property];
  if (!type) throw new Error(`table ${table.name} has no column ${property}`);
  return type;
}

function splitByKey(group: WriteGroup): {
  readonly keys: readonly WrittenColumn[];
  readonly others: readonly WrittenColumn[];
} {
  const columns = columnsOf(group);
  return { keys: columns.filter((c) => c.isKey), others: columns.filter((c) => !c.isKey) };
}

function unnest(columns: readonly WrittenColumn[]): string {
  const arrays = columns.flatMap((column) => column.arrays);
  const params = arrays.map(({ kind }, index) => `$${index + 1}::${elementType(kind)}[]`);
  return `unnest(${params.join(', ')}) AS v(${arrays.map(({ name }) => name).join(', ')})`;
}

/** Arrays of arrays must be rectangular in PostgreSQL, so each value of an array column is sent as text. */
function elementType(kind: ColumnKind): string {
  return isArray(kind) ? 'text' : sqlTypeOf(kind);
}

function isArray(kind: ColumnKind): boolean {
  return kind.endsWith('[]');
}

function matches(keys: readonly WrittenColumn[]): string {
  return keys.map(({ name, selected }) => `t.${name} = ${selected}`).join(' AND ');
}

function valuesOf(
  rows: readonly AnyRow[],
  columns: readonly WrittenColumn[],
  { isBinary }: StatementPlace,
): WireParam[] {
  return columns
    .flatMap(({ arrays }) => arrays)
    .map(({ kind, cellOf }) => {
      const cells = rows.map(cellOf);
      // Missing values are NULL: `unnest` pads short arrays, and that of the key is always whole.
      if (cells.every(isMissing)) return '{}';
      return isBinary && kind === 'bytes' ? encodeBytesArray(cells) : encodeColumn(kind, cells);
    });
}

function isMissing(cell: unknown): boolean {
  return cell === undefined || cell === null;
}
