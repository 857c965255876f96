import { seededRandom } from '@postlude/queue/foundations';
import { expect, onTestFinished, test } from 'vitest';
import { startPostgres } from '../../support/databases/postgres-server.ts';
import { runCrashFaults } from './crash-faults.ts';

const SEED = 20_260_102;

test('nothing acknowledged is lost while PostgreSQL crashes and a standby takes over', async () => {
  const crashes = { killed_backends: 1, immediate_restarts: 1, cut_commits: 2, promotions: 1 };
  const { report, server } = await runCrashFaults({
    server: await startPostgres(),
    crashes,
    random: seededRandom(SEED),
    note: () => undefined,
  });
  onTestFinished(() => server.stop());
  expect(report).toMatchObject({
    crashes: { ...crashes, all: 5 },
    acknowledged_lost: 0,
    refused_stored: 0,
    twice: 0,
    foreign_pushes: 0,
    bare: { lost: 0 },
  });
  expect(report.acknowledged).toBeGreaterThan(0);
}, 180_000);
