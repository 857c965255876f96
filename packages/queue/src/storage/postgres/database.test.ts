import { describe } from 'vitest';
import {
  openTestPostgres,
  testPostgresUrl,
  testSchema,
} from '../../../../../test/support/databases/databases.ts';
import { testDatabase } from '../../../../../test/support/suites/database-suite.ts';
import { createPostgresSuiteTables } from '../../../../../test/support/suites/suite-tables-postgres.ts';

describe.skipIf(testPostgresUrl() === '')('with a server', () => {
  testDatabase('PostgreSQL', {
    open: openTestPostgres,
    newSchema: testSchema,
    createTables: createPostgresSuiteTables,
  });
});
