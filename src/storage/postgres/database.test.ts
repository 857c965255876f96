import { describe } from 'vitest';
import { testDatabase } from '../../testing/database-suite.ts';
import { openTestPostgres, testPostgresUrl, testSchema } from '../../testing/databases.ts';
import { createPostgresSuiteTables } from '../../testing/suite-tables-postgres.ts';

describe.skipIf(testPostgresUrl() === '')('with a server', () => {
  testDatabase('PostgreSQL', {
    open: openTestPostgres,
    newSchema: testSchema,
    createTables: createPostgresSuiteTables,
  });
});
