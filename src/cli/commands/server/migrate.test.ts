import { expect, test } from 'vitest';
import { openCli } from '../../../../test/support/cli/cli-world.ts';
import {
  openTestSpanner,
  testSchema,
  testSpannerHost,
} from '../../../../test/support/databases/databases.ts';
import { testDatabaseUrl } from '../../../../test/support/spanner/spanner-admin.ts';

test('migrates an embedded database, and again without harm', async () => {
  const { run } = await openCli();
  const first = await run('migrate', '--database', 'pglite:a', '--json');
  expect(first.json()).toMatchObject([{ applied: expect.arrayContaining(['0001_tasks']) }]);
  const again = await run('migrate', '--database', 'pglite:a');
  expect(again).toMatchObject({ code: 0, out: 'the schema is up to date\n', err: '' });
});

test.skipIf(testSpannerHost() === '')('shows on a terminal how far Cloud Spanner is', async () => {
  const schema = testSchema();
  await openTestSpanner({ schema, migrated: false });
  const { runWith } = await openCli({ SPANNER_EMULATOR_HOST: testSpannerHost() });
  const argv = ['migrate', '--database', testDatabaseUrl(schema)];
  const { code, err, out } = await runWith({ isTTY: true }, ...argv);
  expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('applied 0001_tasks') });
  expect(err).toContain('applying a migration: 0001_tasks');
});
