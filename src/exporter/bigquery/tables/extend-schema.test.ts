import { expect, test } from 'vitest';
import { TEST_RESULTS } from '../../rows/row-kind.ts';
import { extendSchema } from './extend-schema.ts';
import { type Field, tableOf } from './table-definition.ts';

const WANTED: readonly Field[] = [
  { name: 'id', type: 'STRING', mode: 'NULLABLE' },
  { name: 'ok', type: 'BOOL', mode: 'NULLABLE' },
  {
    name: 'parent',
    type: 'RECORD',
    mode: 'NULLABLE',
    fields: [
      { name: 'id', type: 'STRING', mode: 'NULLABLE' },
      { name: 'realm', type: 'STRING', mode: 'NULLABLE' },
    ],
  },
];

test('a table that has all columns is left alone, whatever else it has', () => {
  const { fields } = tableOf(TEST_RESULTS).schema;
  expect(extendSchema(fields, fields)).toBeUndefined();
  const more = [{ name: 'mine', type: 'GEOGRAPHY' }, ...WANTED];
  expect(extendSchema(more, WANTED)).toBeUndefined();
});

test('missing columns come last, in the table and in its records', () => {
  const present: readonly Field[] = [
    { name: 'mine', type: 'DATE', description: 'kept' },
    {
      name: 'PARENT',
      type: 'STRUCT',
      fields: [
        { name: 'own', type: 'INT64' },
        { name: 'id', type: 'STRING', mode: 'REQUIRED' },
      ],
    },
  ];
  expect(extendSchema(present, WANTED)).toEqual([
    { name: 'mine', type: 'DATE', description: 'kept' },
    {
      name: 'PARENT',
      type: 'STRUCT',
      fields: [
        { name: 'own', type: 'INT64' },
        { name: 'id', type: 'STRING', mode: 'REQUIRED' },
        { name: 'realm', type: 'STRING', mode: 'NULLABLE' },
      ],
    },
    WANTED[0],
    WANTED[1],
  ]);
});

test.each<[string, Field, RegExp]>([
  ['has another type', { name: 'id', type: 'INT64' }, /column id is NULLABLE INT64/],
  ['is repeated', { name: 'id', type: 'STRING', mode: 'REPEATED' }, /column id is REPEATED STRING/],
  ['is required', { name: 'x', type: 'STRING', mode: 'REQUIRED' }, /column x is REQUIRED/],
  [
    'has another type within a record',
    { name: 'parent', type: 'RECORD', fields: [{ name: 'realm', type: 'BOOL' }] },
    /column parent.realm is NULLABLE BOOL/,
  ],
])('a table is refused if a column %s', (_, column, message) => {
  expect(() => extendSchema([column], WANTED)).toThrow(message);
});
