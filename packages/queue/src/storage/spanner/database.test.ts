import { describe } from 'vitest';
import {
  openTestSpanner,
  testSchema,
  testSpannerHost,
} from '../../../../../test/support/databases/databases.ts';
import { testDatabase } from '../../../../../test/support/suites/database-suite.ts';
import { createSpannerSuiteTables } from '../../../../../test/support/suites/suite-tables-spanner.ts';

describe.skipIf(testSpannerHost() === '')('on the emulator', () => {
  testDatabase('Spanner', {
    open: openTestSpanner,
    newSchema: testSchema,
    createTables: createSpannerSuiteTables,
  });
});
