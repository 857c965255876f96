import { expect, onTestFinished, test } from 'vitest';
import { startPostgres } from '../../support/databases/postgres-server.ts';
import { runSilenceFaults } from './silence-faults.ts';

test('when the database falls silent, tasks run again, nothing is lost, and servers end in time', async () => {
  const server = await startPostgres();
  onTestFinished(() => server.stop());
  const plan = { server, schema: 'faults', seconds: 12, note: () => undefined };
  const report = await runSilenceFaults(plan);
  expect(report.broken).toEqual([]);
  expect(report.requests_failed).not.toEqual({});
}, 300_000);
