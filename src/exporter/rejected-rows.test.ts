import type { Transaction } from '@postlude/queue/storage';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../test/support/databases/databases.ts';
import { withMembers } from '../../test/support/with-members.ts';
import { deleteRejectedRows, readRejectedRows, writeRejectedRows } from './rejected-rows.ts';

const EXPORT = { invocationId: 'a', index: 3 };
const OTHER = { ...EXPORT, index: 4 };

/** Returns the transaction, which notes how many rows each query reads. */
function noting(tx: Transaction, sizes: number[]): Transaction {
  const query: Transaction['query'] = async (...args) => {
    const rows = await tx.query(...args);
    sizes.push(rows.length);
    return rows;
  };
  return withMembers(tx, { query });
}

eachDatabase((open) => {
  test('however many rows of an export were rejected, they are forgotten in parts', async () => {
    const db = await open();
    const rows = Array.from({ length: 2_001 }, (_, row) => ({
      ...{ row: 2 * row, parentId: 'a', testId: 't', resultId: '0' },
      reason: 'no',
    }));
    await db.write((tx) => writeRejectedRows(tx, EXPORT, rows));
    await db.write((tx) => writeRejectedRows(tx, OTHER, rows.slice(0, 1)));
    const sizes: number[] = [];
    await db.write((tx) => deleteRejectedRows(noting(tx, sizes), EXPORT));
    expect(sizes).toEqual([1_000, 1_000, 1]);
    const left = await db.read(async (tx) => [
      await readRejectedRows(tx, EXPORT, { limit: 9 }),
      await readRejectedRows(tx, OTHER, { limit: 9 }),
    ]);
    expect(left.map(({ length }) => length)).toEqual([0, 1]);
  });
});
