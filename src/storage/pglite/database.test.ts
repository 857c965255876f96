import { expect, test } from 'vitest';
import { testDatabase } from '../../testing/database-suite.ts';
import { openTestPglite, testSchema } from '../../testing/databases.ts';
import { createPostgresSuiteTables } from '../../testing/suite-tables-postgres.ts';
import { text } from '../column.ts';
import { raw } from '../sql.ts';

testDatabase('PGlite', {
  open: openTestPglite,
  newSchema: testSchema,
  createTables: createPostgresSuiteTables,
});

test('PGlite does not flush to the disk: docs/storage.md warns of that as long as it is so', async () => {
  const db = await openTestPglite();
  const settings = await db.read((tx) => tx.query(raw('SHOW fsync'), { fsync: text }));
  expect(settings).toEqual([{ fsync: 'off' }]);
});
