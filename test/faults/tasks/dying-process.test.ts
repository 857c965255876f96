import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TaskInspector, TaskQueue } from '@postlude/queue';
import { systemClock } from '@postlude/queue/foundations';
import { int, sql, text } from '@postlude/queue/storage';
import { expect, onTestFinished, test } from 'vitest';
import {
  openTestSpanner,
  sharedSpannerAdmin,
  testSchema,
  testSpannerHost,
} from '../../support/databases/databases.ts';
import { startPostgres } from '../../support/databases/postgres-server.ts';
import { testDatabaseUrl } from '../../support/spanner/spanner-admin.ts';
import { KILLER, MAX_ATTEMPTS, openDyingDatabase } from './dying-tasks.ts';
import { EFFECT, effects } from './task-effects.ts';

const NEIGHBOURS = ['c1', 'c2', 'c3', 'c4', 'c5'];
/** More starts than should be needed. If these do not suffice, the task is retried for ever. */
const MAX_LIVES = 10;

/** Says whether a worker process ended by itself or was killed. */
async function liveOnce(place: readonly string[]): Promise<'ended' | 'killed'> {
  const script = join(import.meta.dirname, 'dying-worker.ts');
  const worker = fork(script, place, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [code, signal] = await once(worker, 'exit');
  if (signal === 'SIGKILL') return 'killed';
  if (code !== 0) throw new Error(`a worker ended with ${code ?? signal}`);
  return 'ended';
}

async function prepare(place: readonly string[]): Promise<void> {
  const db = await openDyingDatabase(place);
  await db.migrate();
  if (db.capabilities.skipsLockedRows) {
    await db.statement(
      sql`CREATE TABLE ${effects} (nonce text PRIMARY KEY, task_id text NOT NULL)`,
      {},
    );
  }
  const queue = new TaskQueue({ db, clock: systemClock });
  await queue.enqueue([KILLER, ...NEIGHBOURS].map((id) => ({ type: EFFECT, id })));
  await db.close();
}

async function outcomeIn(place: readonly string[]) {
  const db = await openDyingDatabase(place);
  const starts = await db.read((tx) =>
    tx.query(sql`SELECT task_id, count(*) AS times FROM ${effects} GROUP BY task_id`, {
      taskId: text,
      times: int,
    }),
  );
  const dead = await new TaskInspector({ db }).listDead({ limit: 100 });
  await db.close();
  return { starts: new Map(starts.map(({ taskId, times }) => [taskId, times])), dead };
}

async function expectBoundedStarts(place: readonly string[]): Promise<void> {
  await prepare(place);
  let lives = 1;
  while ((await liveOnce(place)) === 'killed' && lives < MAX_LIVES) lives += 1;
  expect(lives).toBeLessThan(MAX_LIVES);
  const { starts, dead } = await outcomeIn(place);
  // There is one more if the first start was under a lease that was taken ahead.
  expect([MAX_ATTEMPTS, MAX_ATTEMPTS + 1]).toContain(starts.get(KILLER));
  expect(dead).toMatchObject([
    {
      id: KILLER,
      attempt: MAX_ATTEMPTS,
      reason: 'its process died 3 times: no more attempts are allowed',
    },
  ]);
  expect(NEIGHBOURS.map((id) => starts.get(id))).toEqual(NEIGHBOURS.map(() => 1));
}

test('a task that kills its process ends up dead, and its neighbours are done', async () => {
  const server = await startPostgres();
  onTestFinished(() => server.stop());
  await expectBoundedStarts(['postgres', server.url, 'dying']);
}, 300_000);

test('a task that kills the process of an embedded database is dead in the end', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-dying-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await expectBoundedStarts(['pglite', join(folder, 'data')]);
}, 300_000);

test.skipIf(testSpannerHost() === '')(
  'a task that kills its process also ends up dead on Spanner',
  async () => {
    const name = testSchema();
    await openTestSpanner({ schema: name });
    const admin = await sharedSpannerAdmin();
    await admin.runDdl(name, [
      'CREATE TABLE effects (nonce STRING(MAX), task_id STRING(MAX) NOT NULL) PRIMARY KEY (nonce)',
    ]);
    await expectBoundedStarts(['spanner', testDatabaseUrl(name), testSpannerHost()]);
  },
  300_000,
);
