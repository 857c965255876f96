/** Turns reads of keys and of ranges of keys into the form of Spanner's API. */
import { type Columns, columnName } from '../../column.ts';
import type { KeyRange } from '../../database.ts';
import type { AnyRow } from '../../key.ts';
import type { AnyTable, KeyOrder } from '../../table.ts';
import type { KeyRangeValues, KeyRead } from '../calls/client.ts';
import { encodeKey } from '../transactions/mutations.ts';
import { encodeValue } from '../types.ts';

export function toKeyRead(table: AnyTable, keys: readonly AnyRow[], columns: Columns): KeyRead {
  return {
    table: table.name,
    columns: Object.keys(columns).map(columnName),
    keySet: { keys: keys.map((key) => ({ values: encodeKey(table, key) })) },
  };
}

export function toRangeRead(order: KeyOrder, range: KeyRange, columns: Columns): KeyRead {
  const isIndex = 'table' in order;
  const table: AnyTable = isIndex ? order.table : order;
  return {
    table: table.name,
    ...(isIndex ? { index: order.name } : {}),
    columns: Object.keys(columns).map(columnName),
    keySet: { ranges: rangesOf(table, order.key, range) },
    ...(range.limit === undefined ? {} : { limit: range.limit }),
  };
}

/**
 * Returns a range for each first value: all its keys, or those after `after`; none if it comes before that.
 */
function rangesOf(
  table: AnyTable,
  key: readonly string[],
  { first, after }: KeyRange,
): KeyRangeValues[] {
  if (after === undefined) return first.map((value) => ({ ...from(value), ...upTo(value) }));
  const start = String(after[key[0] ?? '']);
  const afterKey = { startOpen: { values: encodeKey({ ...table, key }, after) } };
  return first
    .filter((value) => !isBefore(value, start))
    .map((value) => ({ ...(value === start ? afterKey : from(value)), ...upTo(value) }));
}

function from(value: string): Pick<KeyRangeValues, 'startClosed'> {
  return { startClosed: { values: [encodeValue('text', value)] } };
}

function upTo(value: string): Pick<KeyRangeValues, 'endClosed'> {
  return { endClosed: { values: [encodeValue('text', value)] } };
}

/** Compares text in Spanner's order, by its UTF-8 bytes. */
function isBefore(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}
