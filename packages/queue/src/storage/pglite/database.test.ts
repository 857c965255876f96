import { expect, test } from 'vitest';
import { openTestPglite, testSchema } from '../../../../../test/support/databases/databases.ts';
import { testDatabase } from '../../../../../test/support/suites/database-suite.ts';
import { createPostgresSuiteTables } from '../../../../../test/support/suites/suite-tables-postgres.ts';
import { text } from '../column.ts';
import { raw } from '../sql.ts';

testDatabase('PGlite', {
  open: openTestPglite,
  newSchema: testSchema,
  createTables: createPostgresSuiteTables,
});

test('PGlite does not flush to the disk, of which docs/storage.md warns', async () => {
  const db = await openTestPglite();
  const settings = await db.read((tx) => tx.query(raw('SHOW fsync'), { fsync: text }));
  expect(settings).toEqual([{ fsync: 'off' }]);
});
