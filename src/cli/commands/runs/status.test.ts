import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import { openCliWithServer } from '../../../../test/support/cli/cli-world.ts';
import type { Connection } from '../../connection/connection.ts';
import { countedTotals } from '../../totals.ts';

const REPORT = `<testsuite name="s">
  <testcase classname="c" name="passes"/>
  <testcase classname="c" name="fails"><failure message="no"/></testcase>
</testsuite>`;

test('says how many results a run has, with those of its shards, and its tags', async () => {
  const { cwd, run } = await openCliWithServer();
  await writeFile(join(cwd, 'r.xml'), REPORT);
  await run('create', 'shard');
  await run('upload', 'r.xml', '--invocation', 'shard');
  await run('create', 'run', '--include', 'shard', '--tag', 'branch:main');
  const totals = { results: 2, unexpected: 1, byStatus: { PASS: 1, FAIL: 1 } };
  expect((await run('status', 'run', '--json')).json()).toMatchObject([{ totals }]);
  const { out } = await run('status', 'run');
  expect(out).toContain('results   2 results: 1 PASS, 1 FAIL; 1 unexpected');
  expect(out).toContain('tags      branch:main');
});

test.each([Code.PermissionDenied, Code.Unimplemented])(
  'says nothing of results where the server does not: %s',
  async (code) => {
    const countTestResults = () => Promise.reject(new ConnectError('no', code));
    const connection = { invocations: { countTestResults } } as unknown as Connection;
    expect(await countedTotals(connection, 'run')).toBeUndefined();
  },
);
