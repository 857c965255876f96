import { TaskInspector } from '@postlude/queue';
import { type Clock, systemClock } from '@postlude/queue/foundations';
import { describe, expect, test } from 'vitest';
import { openCli } from '../../../../test/support/cli/cli-world.ts';
import {
  openTestPostgres,
  testPostgresUrl,
  testSchema,
} from '../../../../test/support/databases/databases.ts';
import {
  insertBrokenReminder,
  insertReminder,
  reminderId,
} from '../../../../test/support/tq/reminders.ts';

test('finds nothing to do in a fresh database', async () => {
  const { run } = await openCli();
  expect(await run('sweep', '--database', 'memory:')).toMatchObject({
    code: 0,
    out: '0 reminders, 0 stale\n',
  });
});

test.each([
  [['--every', '0s'], 'at least 1s'],
  [['--every', 'often'], 'a duration is a number followed by s, m, h or d'],
  [['--tq-queue', 'cloud-tasks'], 'needs tqProject, tqRegion, tqTargetHost as well'],
])('refuses %j', async (words, message) => {
  const { run } = await openCli();
  const refused = await run('sweep', ...words);
  expect(refused.code).toBe(2);
  expect(refused.err).toContain(message);
});

describe.runIf(testPostgresUrl() !== '')('on PostgreSQL', () => {
  const HOUR_MS = 3_600_000;

  async function openWorld() {
    const schema = testSchema();
    const db = await openTestPostgres({ schema });
    const { runWith } = await openCli();
    const flags = ['sweep', '--database', testPostgresUrl(), '--schema', schema, '--json'];
    return { db, flags, runWith };
  }

  test('submits tasks that did not reach their queue', async () => {
    const { db, flags, runWith } = await openWorld();
    await insertReminder(db, 'a', systemClock.now() - HOUR_MS);
    const swept = await runWith({}, ...flags);
    expect(swept.code).toBe(0);
    expect(swept.json()).toMatchObject([{ stale: 1, submitted: 1, isWhole: true }]);
    const tasks = await new TaskInspector({ db }).list({ limit: 10 });
    expect(tasks).toMatchObject([{ type: 'tq', id: reminderId('a') }]);
  });

  test('exits with 1 and says why if a task cannot be submitted', async () => {
    const { db, flags, runWith } = await openWorld();
    await insertBrokenReminder(db, 'a', systemClock.now() - HOUR_MS);
    const swept = await runWith({}, ...flags);
    expect(swept.code).toBe(1);
    expect(swept.json()).toMatchObject([{ stale: 1, dead: 1 }]);
    expect(swept.err).toContain('a task cannot be submitted: its reminder is dead');
  });

  test('sweeps repeatedly until it is told to stop', async () => {
    const { db, flags, runWith } = await openWorld();
    await insertReminder(db, 'a', systemClock.now() - HOUR_MS);
    const ending = new AbortController();
    const pauses: number[] = [];
    const clock: Clock = {
      ...systemClock,
      sleep: async (ms, signal) => {
        if (ms <= HOUR_MS) return systemClock.sleep(ms, signal);
        if (pauses.push(ms) === 2) ending.abort();
      },
    };
    const swept = await runWith({ clock, signal: ending.signal }, ...flags, '--every', '2h');
    expect(swept.code).toBe(0);
    expect(swept.json()).toMatchObject([
      { stale: 1, submitted: 1 },
      { stale: 0, submitted: 0 },
    ]);
  });

  test('keeps its interval although the clock is set back meanwhile', async () => {
    const { flags, runWith } = await openWorld();
    const ending = new AbortController();
    let offsetMs = 0;
    let pauseMs = 0;
    const clock: Clock = {
      ...systemClock,
      now: () => {
        offsetMs -= HOUR_MS; // each time the clock is read
        return systemClock.now() + offsetMs;
      },
      sleep: async (ms, signal) => {
        if (ms <= HOUR_MS) return systemClock.sleep(ms, signal);
        pauseMs = ms;
        ending.abort();
      },
    };
    await runWith({ clock, signal: ending.signal }, ...flags, '--every', '2h');
    expect(pauseMs).toBeLessThanOrEqual(2 * HOUR_MS);
  });
});
