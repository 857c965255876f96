/**
 * Inserts the rows whose keys are new by statements alone, without reading first. A row that another
 * transaction is inserting is waited for: if that transaction commits, the row is not new.
 *
 * Rows are inserted in the order of their keys, so two transactions never wait for each other.
 */
import { CodedError } from '../../../foundations/errors.ts';
import { type AnyRow, keyColumns, keyText } from '../../key.ts';
import type { AnyTable } from '../../table.ts';
import { groupsOf } from '../../writes.ts';
import { toRows } from '../session.ts';
import { insertNewStatement, statementOf, type WritePlace } from './statements.ts';

/** Inserts all of the rows. Throws `already-exists` if the key of one exists, or repeats. */
export async function insertAllRows(
  place: WritePlace,
  table: AnyTable,
  rows: readonly AnyRow[],
): Promise<readonly AnyRow[]> {
  for (const group of groupsOf('insert', table, inOrderOfKeys(table, rows))) {
    const { text, values } = statementOf(group, place);
    const { count } = await place.session.run(text, values);
    if (count === group.rows.length) continue;
    throw new CodedError('already-exists', `${table.name} did not take all of the rows`);
  }
  return rows;
}

/** Returns the rows that were inserted, in their order. Of several rows with one key, that is the first. */
export async function insertNewRows(
  place: WritePlace,
  table: AnyTable,
  rows: readonly AnyRow[],
): Promise<readonly AnyRow[]> {
  const inserted: AnyRow[] = [];
  // One statement at a time, as each has its values in memory twice.
  for (const group of groupsOf('insertNew', table, inOrderOfKeys(table, rows))) {
    const { text, values } = insertNewStatement(group, place);
    inserted.push(...toRows(await place.session.run(text, values), keyColumns(table)));
  }
  return inserted.length === rows.length ? rows : firstOfEach(table, rows, inserted);
}

/** Returns the first row with each of these keys. */
function firstOfEach(table: AnyTable, rows: readonly AnyRow[], keys: readonly AnyRow[]): AnyRow[] {
  const left = new Set(keys.map((key) => keyText(table, key)));
  return rows.filter((row) => left.delete(keyText(table, row)));
}

function inOrderOfKeys(table: AnyTable, rows: readonly AnyRow[]): readonly AnyRow[] {
  return rows.length === 1 ? rows : rows.toSorted((a, b) => compareKeys(table, a, b));
}

/** Any order will do, as long as all processes have the same. */
function compareKeys(table: AnyTable, a: AnyRow, b: AnyRow): number {
  for (const property of table.key) {
    const [left, right] = [a[property], b[property]];
    if (left === right) continue;
    const [leftText, rightText] = [String(left), String(right)];
    if (leftText !== rightText) return leftText < rightText ? -1 : 1;
  }
  return 0;
}
