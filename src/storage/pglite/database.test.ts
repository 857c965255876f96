import { testDatabase } from '../../testing/database-suite.ts';
import { openTestPglite, testSchema } from '../../testing/databases.ts';
import { createPostgresSuiteTables } from '../../testing/suite-tables-postgres.ts';

testDatabase('PGlite', {
  open: openTestPglite,
  newSchema: testSchema,
  createTables: createPostgresSuiteTables,
});
