import { describe, expect, test } from 'vitest';
import {
  openTestSpanner,
  testSchema,
  testSpannerHost,
} from '../../../../../../test/support/databases/databases.ts';
import { accounts, allAccounts } from '../../../../../../test/support/suites/suite-tables.ts';
import { createSpannerSuiteTables } from '../../../../../../test/support/suites/suite-tables-spanner.ts';
import { int } from '../../column.ts';

const ada = { owner: 'ada', number: 1 };

async function openWithAda(serialWrites: boolean) {
  const schema = testSchema();
  const db = await openTestSpanner({ schema, migrated: false, serialWrites });
  await createSpannerSuiteTables(db, schema);
  await db.write((tx) => tx.insert(accounts, [{ ...ada, balance: 0 }]));
  return db;
}

describe.skipIf(testSpannerHost() === '')('serial writes', () => {
  test('wait for each other, so that none is run twice', async () => {
    const db = await openWithAda(true);
    let runs = 0;
    const increment = (): Promise<void> =>
      db.write(async (tx) => {
        runs += 1;
        const [row] = await tx.readKeys(accounts, [ada], { balance: int });
        await tx.update(accounts, [{ ...ada, balance: (row?.balance ?? 0) + 1 }]);
      });
    await Promise.all(Array.from({ length: 20 }, increment));
    expect(runs).toBe(20);
    expect(await allAccounts(db)).toMatchObject([{ balance: 20 }]);
  });

  test('go on after one that fails, and from what runs after a commit', async () => {
    const db = await openWithAda(true);
    const failing = db.write(() => Promise.reject(new Error('mine')));
    await expect(failing).rejects.toThrow('mine');
    await db.write(async (tx) => {
      await tx.update(accounts, [{ ...ada, balance: 1 }]);
      tx.afterCommit(() => db.write((own) => own.update(accounts, [{ ...ada, note: 'after' }])));
    });
    expect(await allAccounts(db)).toMatchObject([{ balance: 1, note: 'after' }]);
  });
});
