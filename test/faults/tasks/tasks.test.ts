import { seededRandom } from '@postlude/queue/foundations';
import { expect, onTestFinished, test } from 'vitest';
import { startPostgres } from '../../support/databases/postgres-server.ts';
import { runTaskFaults } from './task-faults.ts';

const SEED = 20_260_102;

test('every effect happens exactly once while workers are killed and the server restarts', async () => {
  const server = await startPostgres();
  onTestFinished(() => server.stop());
  const report = await runTaskFaults({
    server,
    schema: 'faults',
    tasks: 400,
    kills: 4,
    restarts: 1,
    random: seededRandom(SEED),
    note: () => undefined,
  });
  expect(report).toMatchObject({ kills: 4, restarts: 1, lost: 0, twice: 0, left: 0 });
}, 120_000);
