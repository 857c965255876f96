import { systemClock } from '@postlude/queue/foundations';
import { describe, expect, test } from 'vitest';
import { openCli } from '../../../../test/support/cli/cli-world.ts';
import {
  openTestPostgres,
  testPostgresUrl,
  testSchema,
} from '../../../../test/support/databases/databases.ts';
import { DAY, expected, PurgeWorld } from '../../../../test/support/retention/purge-world.ts';

test('finds nothing to delete in a fresh database', async () => {
  const { run } = await openCli();
  expect(await run('purge', '--database', 'memory:')).toMatchObject({
    code: 0,
    out: 'nothing has expired\n',
  });
});

describe.runIf(testPostgresUrl() !== '')('on PostgreSQL', () => {
  test('counts what has expired, and then deletes it', async () => {
    const schema = testSchema();
    const world = new PurgeWorld(await openTestPostgres({ schema }));
    const created = { createTime: systemClock.now() - 100 * DAY };
    const expirationTime = systemClock.now() - DAY;
    await world.create('old', { ...created, expirationTime });
    await world.create('young', {
      expirationTime: systemClock.now() + DAY,
      expectedResultsExpirationTime: expirationTime,
    });
    for (const name of ['old', 'young']) await world.record(name, expected('t'));
    await world.include('young', 'old');
    await world.finalize('old', 'young');
    const { runWith } = await openCli();
    const flags = ['purge', '--database', testPostgresUrl(), '--schema', schema];
    const rows = { invocations: 1, test_results: 2, included_invocations: 1 };
    for (let times = 0; times < 2; times++) {
      const counted = await runWith({}, ...flags, '--dry-run', '--json');
      expect(counted.json()).toEqual([{ rows, isDryRun: true }]);
    }
    const shown: string[] = [];
    const onStderr = (text: string) => void shown.push(text);
    const purged = await runWith({ isTTY: true, onStderr }, ...flags);
    expect(purged.code).toBe(0);
    expect(purged.out).toContain('rows deleted');
    expect(purged.out).toMatch(/test_results +2\n/);
    expect(shown.join('')).toContain('rows deleted');
    expect((await runWith({}, ...flags, '--json')).json()).toEqual([{ rows: {}, isDryRun: false }]);
  });
});
