import { expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { NEVER, openSweepWorld, spreadIds } from '../../../../../test/support/tq/sweep-world.ts';
import type { Database } from '../../storage/database.ts';
import { Faults } from '../../testing/faults.ts';
import { reminders } from '../reminders/table.ts';
import { sweepBatch } from './batch.ts';

const ids = spreadIds(6);
const [first = '', second = ''] = ids;

eachDatabase((open) => {
  test('submits all tasks and deletes their reminders', async () => {
    const { parts, addStale, submitter, left } = openSweepWorld(await open());
    await addStale(ids);
    const counts = await sweepBatch(parts, ids, NEVER);
    expect(counts).toEqual({ submitted: 6, kept: 0, dead: 0, missing: 0 });
    expect(submitter.taken).toEqual(ids);
    expect(await left()).toEqual([]);
  });

  test('skips reminders that another process has settled', async () => {
    const { parts, addStale, submitter } = openSweepWorld(await open());
    await addStale(ids.slice(2));
    const counts = await sweepBatch(parts, ids, NEVER);
    expect(counts).toEqual({ submitted: 4, kept: 0, dead: 0, missing: 2 });
    expect(submitter.taken).toEqual(ids.slice(2));
  });

  test('keeps reminders that may be submitted later', async () => {
    const { parts, addStale, submitter, left } = openSweepWorld(await open());
    await addStale(ids);
    submitter.failWhere((name) => name === first || name === second, true);
    const counts = await sweepBatch(parts, ids, NEVER);
    expect(counts).toEqual({ submitted: 4, kept: 2, dead: 0, missing: 0 });
    expect(submitter.attemptsAt(first)).toBe(4);
    expect(await left()).toEqual([first, second]);
  });

  test('makes reminders that can never be submitted dead, with the reason', async () => {
    const { parts, addStale, submitter, left, dead } = openSweepWorld(await open());
    await addStale(ids);
    submitter.failWhere((name) => name === first, false);
    const counts = await sweepBatch(parts, ids, NEVER);
    expect(counts).toEqual({ submitted: 5, kept: 0, dead: 1, missing: 0 });
    expect(submitter.attemptsAt(first)).toBe(1);
    expect(await left()).toEqual([]);
    expect(await dead()).toMatchObject([{ id: first, classId: 'mail', reason: 'no' }]);
  });

  test('a reminder that cannot be read becomes dead, and its neighbours do not', async () => {
    const { db, clock, parts, addStale, left, dead } = openSweepWorld(await open());
    await addStale(ids.slice(1));
    const times = { createTime: clock.now(), freshUntil: clock.now() };
    const payload = new TextEncoder().encode('{"version":99}');
    await db.write((tx) =>
      tx.insert(reminders, [{ id: first, classId: 'mail', ...times, payload }]),
    );
    const counts = await sweepBatch(parts, ids, NEVER);
    expect(counts).toEqual({ submitted: 5, kept: 0, dead: 1, missing: 0 });
    expect(await left()).toEqual([]);
    expect(await dead()).toMatchObject([{ id: first, reason: expect.stringContaining('99') }]);
  });

  test('begins nothing once the signal has aborted, and settles what has begun', async () => {
    const { parts, addStale, submitter, left } = openSweepWorld(await open());
    const many = spreadIds(100);
    await addStale(many);
    const stop = new AbortController();
    submitter.answer = async () => {
      if (submitter.requests.length === 50) stop.abort();
      return 'submitted';
    };
    const { submitted, kept } = await sweepBatch(parts, many, stop.signal);
    expect(submitted).toBe(50);
    expect(kept).toBe(50);
    expect([...submitter.taken, ...(await left())].sort()).toEqual(many);
  });

  test('keeps all reminders if the result cannot be stored', async () => {
    const { parts, addStale, left } = openSweepWorld(await open());
    await addStale(ids);
    const isAway = () => Promise.reject(new Error('the database is away'));
    const db: Database = { ...new Faults().wrap(parts.db), write: isAway, statement: isAway };
    await expect(sweepBatch({ ...parts, db }, ids, NEVER)).rejects.toThrow('is away');
    expect(await left()).toEqual(ids);
  });
});
