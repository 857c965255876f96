import { TaskQueue } from '@postlude/queue';
import { noMetrics } from '@postlude/queue/foundations';
import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { openTestPglite } from '../../test/support/databases/databases.ts';
import { invocationId, newInvocation } from '../../test/support/invocations/fixtures.ts';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { insertInvocations, requireInvocation } from '../invocations/invocations.ts';
import { Enforcement } from './enforcement.ts';

test('continues after a pass that failed, and reports what it ended', async () => {
  const db = await openTestPglite();
  const clock = new FakeClock();
  await db.write((tx) =>
    insertInvocations(tx, [newInvocation('a', { deadline: clock.now() + 1000 })]),
  );
  let failures = 1;
  const failing = Object.assign(Object.create(db), {
    dialect: db.dialect,
    read: async (fn: Parameters<typeof db.read>[0]) => {
      if (failures-- > 0) throw new Error('no database');
      return await db.read(fn);
    },
    write: db.write.bind(db),
  }) as typeof db;
  const log = new RecordingLog();
  const queue = new TaskQueue({ db, clock });
  const enforcement = new Enforcement({
    finalizer: { db: failing, clock, queue },
    everyMs: 3000,
    log,
    metrics: noMetrics,
  });
  clock.advance(2000);
  await expect(enforcement.runOnce()).rejects.toThrow('no database');
  expect(await enforcement.runOnce()).toBe(1);
  const invocation = await db.read((reader) => requireInvocation(reader, invocationId('a')));
  expect(invocation.endedBy).toBe('DEADLINE');
  expect(log.lines).toMatchObject([
    { fields: { invocation: 'a', cause: 'DEADLINE', delayMs: 1000 } },
  ]);
});
