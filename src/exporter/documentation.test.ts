import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, onTestFinished, test } from 'vitest';
import { openTestPglite } from '../../test/support/databases/databases.ts';
import { writeGraph } from '../../test/support/exports/export-graph.ts';
import { BigQueryExportSchema } from '../gen/luci/resultdb/v1/invocation_pb.js';
import type { InvocationId } from '../invocations/id.ts';
import { exportInvocation } from './exporter.ts';
import { ParquetSink } from './parquet/parquet-sink.ts';
import { type Column, INVOCATION_COLUMNS, TEST_RESULT_COLUMNS } from './rows/schema.ts';

const PAGE = join(import.meta.dirname, '../../docs/exports.md');
const EXPORT_DIR = '.postlude/exports';

test.each([
  ['The columns', TEST_RESULT_COLUMNS],
  ['A row for each invocation', INVOCATION_COLUMNS],
])('the section "%s" names every column, at every level', async (title, columns) => {
  const [, page = ''] = (await readFile(PAGE, 'utf8')).split(`\n## ${title}\n`);
  const names = (columns: readonly Column[]): string[] =>
    columns.flatMap(({ name, fields }) => [name, ...names(fields)]);
  const rows = page
    .split('\n## ')[0]
    ?.split('\n')
    .filter((line) => line.startsWith('| `'));
  for (const { name, fields } of columns) {
    const row = rows?.find((line) => line.startsWith(`| \`${name}\` |`));
    expect(row, name).toBeDefined();
    if (row?.includes('the same')) continue;
    for (const field of names(fields)) expect(row, `${name}.${field}`).toContain(`\`${field}\``);
  }
});

test('the queries of the page find the slowest, the flaky and the failing tests', async () => {
  const root = await exportGraph();
  const [slowest, flaky, failing, busy] = await runQueries(root);
  expect(slowest).toMatchObject([
    { test_id: 'slow', seconds: 9.5 },
    { test_id: 'flaky', seconds: 2 },
    { test_id: 'excused', seconds: null },
    { test_id: 'failing', seconds: null },
  ]);
  expect(flaky).toMatchObject([{ run: 'run', test_id: 'flaky', results: '2', unexpected: '1' }]);
  expect(failing).toMatchObject([{ run: 'run', test_id: 'failing', status: 'CRASH' }]);
  expect(busy).toMatchObject([
    { shard: 's1', results: '3', seconds: 10.5 },
    { shard: 's2', results: '2', seconds: 2 },
  ]);
});

async function exportGraph(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const db = await openTestPglite();
  await writeGraph(db, {
    run: { includes: ['s1', 's2'] },
    s1: {
      results: [
        { testId: 'slow', durationMicros: 9_500_000 },
        { testId: 'flaky', durationMicros: 1_000_000, expected: false },
        { testId: 'failing', status: 'CRASH', expected: false },
      ],
      exonerations: [{ testId: 'excused' }],
    },
    s2: {
      results: [
        { testId: 'flaky', durationMicros: 2_000_000 },
        { testId: 'excused', expected: false },
      ],
    },
  });
  const table = { project: 'acme', dataset: 'tests', table: 'results' };
  const destination = create(BigQueryExportSchema, { ...table, testResults: {} });
  const request = { invocationId: 'run' as InvocationId, index: 0, destination, attempt: 1 };
  const sink = new ParquetSink({ root });
  await exportInvocation({ db, sink }, request, new AbortController().signal);
  return root;
}

async function runQueries(root: string): Promise<unknown[][]> {
  const page = await readFile(PAGE, 'utf8');
  const queries = [...page.matchAll(/```sql\n(SELECT.*?)```/gs)].map(([, query = '']) => query);
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const answers: unknown[][] = [];
  for (const query of queries) {
    const read = await connection.runAndReadAll(query.replaceAll(EXPORT_DIR, root));
    answers.push(read.getRowObjectsJson());
  }
  connection.closeSync();
  return answers;
}
