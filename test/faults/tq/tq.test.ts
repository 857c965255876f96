import { seededRandom } from '@postlude/queue/foundations';
import { expect, onTestFinished, test } from 'vitest';
import { startPostgres } from '../../support/databases/postgres-server.ts';
import { withCloudTasks } from '../../support/tq/cloud-tasks-world.ts';
import { runTqFaults } from './tq-faults.ts';

const SEED = 20_260_102;

withCloudTasks(() => {
  test('pushed tasks run if and only if they were committed, while servers are killed', async () => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.stop());
    const report = await runTqFaults({
      postgres,
      schema: 'faults',
      tasks: 200,
      kills: 3,
      random: seededRandom(SEED),
      note: () => undefined,
    });
    expect(report).toMatchObject({ kills: 3, lost: 0, foreign: 0, reminders_left: 0 });
    expect(report.added + report.rolled_back).toBe(200);
    expect(report.rolled_back).toBeGreaterThan(0);
  }, 180_000);
});
