import { noMetrics, silentLog } from '@postlude/queue/foundations';
import { expect, onTestFinished, test } from 'vitest';
import { ApiError } from '../../../test/support/bigquery/errors.ts';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import {
  exportOnce,
  landedRows,
  numbered,
  numberedRows,
} from '../../../test/support/exports/bigquery-exports.ts';
import { openBigQuery } from '../../../test/support/exports/bigquery-world.ts';
import { writeGraph } from '../../../test/support/exports/export-graph.ts';
import { bigQueryKind } from './bigquery-kind.ts';

async function open(more: Record<string, unknown> = {}) {
  const db = await openTestPglite();
  const { bigQuery, clock } = await openBigQuery();
  const given: Record<string, unknown> = {
    endpoint: bigQuery.httpOptions.apiEndpoint,
    storageEndpoint: `127.0.0.1:${bigQuery.grpcOptions.port}`,
    ...more,
  };
  const { options } = bigQueryKind;
  const sink = await bigQueryKind.open(
    {
      api: options.api.parse(given.api, '/'),
      probe: options.probe.parse(given.probe, '/'),
      jobProject: options.jobProject.parse(given.jobProject, '/'),
      endpoint: options.endpoint.parse(given.endpoint, '/'),
      storageEndpoint: options.storageEndpoint.parse(given.storageEndpoint, '/'),
    },
    { db, clock, log: silentLog, metrics: noMetrics, scratch: '/' },
  );
  onTestFinished(() => sink.close());
  return { bigQuery, db, sink };
}

test('a sink of this kind writes through the Storage Write API', async () => {
  const { bigQuery, db, sink } = await open();
  await writeGraph(db, numbered(5));
  await exportOnce({ db, sink });
  expect(landedRows(bigQuery)).toEqual(numberedRows(5));
  expect(bigQuery.streams).toHaveLength(1);
});

const LIVE = new AbortController().signal;

test.each([
  ['storage-write', ['CreateWriteStream', 'AppendRows']],
  ['insert-all', ['tabledata.insertAll']],
])('doctor tries whether rows may be written by %s, and leaves no table', async (api, steps) => {
  const { bigQuery, sink } = await open({ probe: 'acme.tests', api });
  const { location, warning } = await sink.probe(LIVE);
  expect(location).toMatch(/^acme\.tests\.postlude_probe_[0-9a-f]{16}$/);
  expect(warning).toBeUndefined();
  const around = ['tables.get', 'jobs.insert', 'tables.delete'];
  expect(bigQuery.faults.steps).toEqual(['tables.insert', ...steps, ...around]);
  expect(bigQuery.tablesOf({ project: 'acme', dataset: 'tests' })).toEqual([]);
});

test.each(['storage-write', 'insert-all'])('doctor notices that %s is denied', async (api) => {
  const { bigQuery, sink } = await open({ probe: 'acme.tests', api });
  const operation = api === 'insert-all' ? 'tabledata.insertAll' : 'CreateWriteStream';
  const error = new ApiError(403, 'accessDenied', 'Permission is denied.');
  const denied = { kind: 'status', code: 'PERMISSION_DENIED', when: 'before' } as const;
  bigQuery.faults.on(operation, 1, api === 'insert-all' ? { kind: 'error', error } : denied);
  await expect(sink.probe(LIVE)).rejects.toMatchObject({ code: 'permission-denied' });
  expect(bigQuery.tablesOf({ project: 'acme', dataset: 'tests' })).toEqual([]);
});

test('doctor says what is missing to make exports again', async () => {
  const { bigQuery, sink } = await open({ probe: 'acme.tests' });
  bigQuery.forbidJobs();
  expect(await sink.probe(LIVE)).toMatchObject({
    warning: expect.stringMatching(/^exports cannot be made again: .*bigquery\.jobs\.create/),
  });
});

test('doctor reports a dataset that does not exist', async () => {
  const { sink } = await open({ probe: 'acme.none' });
  await expect(sink.probe(new AbortController().signal)).rejects.toMatchObject({
    code: 'not-found',
  });
});

test.each(['acme', 'acme.', '.tests'])('%s is not a dataset', (name) => {
  expect(() => bigQueryKind.options.probe.parse(name, '/')).toThrow('must be project.dataset');
});
