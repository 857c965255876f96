/** Requires that a row has the properties of its columns, in their order, at every level. */
import { expect } from 'vitest';
import type { Column } from '../../../src/exporter/rows/schema.ts';

export function expectColumns(record: object, columns: readonly Column[]): void {
  expect(Object.keys(record)).toEqual(columns.map(({ name }) => name));
  for (const { name, type, mode, fields } of columns) {
    const value = Reflect.get(record, name);
    const item = mode === 'REPEATED' ? value[0] : value;
    // A record that is missing shows nothing; the tests give each of them once.
    if (type === 'RECORD' && item !== undefined) expectColumns(item, fields);
  }
}
