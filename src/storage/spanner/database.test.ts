import { describe } from 'vitest';
import { testDatabase } from '../../testing/database-suite.ts';
import { openTestSpanner, testSchema, testSpannerHost } from '../../testing/databases.ts';
import { createSpannerSuiteTables } from '../../testing/suite-tables-spanner.ts';

describe.skipIf(testSpannerHost() === '')('on the emulator', () => {
  testDatabase('Spanner', {
    open: openTestSpanner,
    newSchema: testSchema,
    createTables: createSpannerSuiteTables,
  });
});
