import { expect, test } from 'vitest';
import { accounts } from '../../../../../../test/support/suites/suite-tables.ts';
import { MAX_MUTATIONS } from '../../mutation-count.ts';
import { WriteBuffer } from '../../writes.ts';
import { toMutations } from './mutations.ts';

function buffer(kind: 'insert' | 'update' | 'delete', rows: readonly object[]) {
  const writes = new WriteBuffer();
  writes.add(kind, accounts, rows as Record<string, unknown>[]);
  return writes.groups();
}

const keys = (count: number) =>
  Array.from({ length: count }, (_, number) => ({ owner: 'a', number }));

const tooLarge = expect.objectContaining({ code: 'resource-exhausted' });

test('writes become mutations, with the columns that they name', () => {
  const [update] = toMutations(buffer('update', [{ owner: 'a', number: 1, note: undefined }]));
  const values = [
    { values: [{ stringValue: 'a' }, { stringValue: '1' }, { nullValue: 'NULL_VALUE' }] },
  ];
  expect(update).toEqual({
    update: { table: 'suite_accounts', columns: ['owner', 'number', 'note'], values },
  });
});

test('as many mutations as Spanner accepts are sent, and one row more is refused', () => {
  const full = keys(MAX_MUTATIONS / 4).map((key) => ({ ...key, balance: 0 }));
  expect(toMutations(buffer('insert', full)).length).toBeGreaterThan(0);
  const over = [...full, { owner: 'b', number: 1, balance: 0 }];
  expect(() => toMutations(buffer('insert', over))).toThrow(tooLarge);
});

test('a row to delete counts once', () => {
  expect(toMutations(buffer('delete', keys(MAX_MUTATIONS)))).toBeDefined();
  expect(() => toMutations(buffer('delete', keys(MAX_MUTATIONS + 1)))).toThrow(tooLarge);
});

test('more than 100 MB is refused', () => {
  const note = 'x'.repeat(10_000_000);
  const rows = keys(11).map((key) => ({ ...key, balance: 0, note }));
  expect(() => toMutations(buffer('insert', rows))).toThrow(tooLarge);
});
