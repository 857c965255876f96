/** Requires that a row has the properties of its columns, in their order, at every level. */
import { expect } from 'vitest';
import type { Column } from '../../../src/exporter/rows/schema.ts';

export function expectColumns(record: object, columns: readonly Column[]): void {
  expect(Object.keys(record)).toEqual(columns.map(({ name }) => name));
  for (const { name, type, mode, fields } of columns) {
    const value = Reflect.get(record, name);
    if (type === 'RECORD')
      expectColumns(mode === 'REPEATED' ? (value[0] ?? KEY_VALUE) : value, fields);
  }
}

const KEY_VALUE = { key: '', value: '' };
