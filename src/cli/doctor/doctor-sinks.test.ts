import { expect, test } from 'vitest';
import { openBigQuery } from '../../../test/support/exports/bigquery-world.ts';
import { planExports } from '../../exporter/sinks/export-plan.ts';
import { checkSinks } from './doctor-sinks.ts';

test('a sink that works in part is a warning beside what works', async () => {
  const { bigQuery, clock } = await openBigQuery();
  bigQuery.forbidJobs();
  const { httpUrl: endpoint, grpcHost: storageEndpoint } = bigQuery;
  const warehouse = { kind: 'bigquery', probe: 'acme.tests', endpoint, storageEndpoint };
  const exportPlan = planExports(
    {
      sinks: { warehouse },
      exports: undefined,
      defaultSink: 'warehouse',
      exportDir: '/exports',
      folder: '/',
    },
    (_, problem) => {
      throw new Error(problem);
    },
  );
  const { signal } = new AbortController();
  const found = await checkSinks({ exportPlan, exportDir: '/exports' }, { clock, signal });
  expect(found.map(({ level, message }) => [level, message])).toEqual([
    ['ok', expect.stringContaining('sink warehouse: can write to acme.tests.postlude_probe_')],
    ['warning', expect.stringContaining('sink warehouse: exports cannot be made again: ')],
  ]);
});
