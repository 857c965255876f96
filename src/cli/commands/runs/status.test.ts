import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import { openCliWithServer } from '../../../../test/support/cli/cli-world.ts';
import { Invocation_State } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import { Export_State, ExportSchema } from '../../../gen/postlude/v1/exports_pb.js';
import type { Connection } from '../../connection/connection.ts';
import { describeExport } from '../../terminal/describe-export.ts';
import { countedTotals } from '../../totals.ts';
import { openExports } from './status.ts';

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

test('says why an export is not done, and when it is tried again', async () => {
  const listed = [
    { state: Export_State.DONE, location: 'a.parquet' },
    {
      state: Export_State.PENDING,
      destination: { project: 'p', dataset: 'd', table: 't' },
      reason: 'the quota is used up',
      nextTryTime: timestampFromMs(Date.UTC(2026, 0, 2)),
    },
  ];
  const listExports = async () => ({ exports: listed.map((one) => create(ExportSchema, one)) });
  const connection = { exports: { listExports }, retry: (fn: () => unknown) => fn() };
  const askedOf = (state: Invocation_State) =>
    openExports(connection as unknown as Connection, { name: 'invocations/run', state });
  const [open, ...others] = await askedOf(Invocation_State.FINALIZED);
  expect(others).toEqual([]);
  expect(open && describeExport(open)).toBe(
    'p.d.t: PENDING  tried again at 2026-01-02T00:00:00.000Z  the quota is used up',
  );
  expect(await askedOf(Invocation_State.ACTIVE)).toEqual([]);
});
