import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { Signal } from '../../../../../test/support/signal.ts';
import {
  idOf,
  NEVER,
  openSweepWorld,
  spreadIds,
} from '../../../../../test/support/tq/sweep-world.ts';
import { seededRandom } from '../../foundations/random.ts';
import type { Database } from '../../storage/database.ts';
import { Faults } from '../../testing/faults.ts';
import type { SubmitOutcome } from '../submit/submitter.ts';
import { InProcessSweep } from './in-process.ts';

const SMALL = { shards: 4, tasksPerScan: 15, batchSize: 8 };

eachDatabase((open) => {
  test('submits 200 stale reminders in batches of 8, scanning 15 at once', async () => {
    const { parts, addStale, submitter, left } = openSweepWorld(await open());
    const ids = spreadIds(200);
    await addStale(ids);
    const summary = await new InProcessSweep(parts, SMALL).run(NEVER);
    expect(summary).toEqual({
      scanned: 200,
      stale: 200,
      submitted: 200,
      kept: 0,
      dead: 0,
      missing: 0,
      isWhole: true,
    });
    expect(submitter.taken).toEqual(ids);
    expect(submitter.requests).toHaveLength(200);
    expect(await left()).toEqual([]);
  });

  test('leaves fresh reminders alone', async () => {
    const { parts, addStale, addFresh, submitter, left } = openSweepWorld(await open());
    const ids = spreadIds(50);
    await addStale(ids.slice(0, 20));
    await addFresh(ids.slice(20));
    const summary = await new InProcessSweep(parts, SMALL).run(NEVER);
    expect(summary).toMatchObject({ scanned: 50, stale: 20, submitted: 20, isWhole: true });
    expect(submitter.taken).toEqual(ids.slice(0, 20));
    expect(await left()).toEqual(ids.slice(20));
  });

  test('does nothing if there are no reminders', async () => {
    const { parts } = openSweepWorld(await open());
    const summary = await new InProcessSweep(parts).run(NEVER);
    expect(summary).toMatchObject({ scanned: 0, stale: 0, submitted: 0, isWhole: true });
  });

  test('keeps reminders that may work later; those that never can become dead', async () => {
    const { parts, addStale, submitter, left, deadIds } = openSweepWorld(await open());
    const ids = spreadIds(40);
    await addStale(ids);
    const never = ids.slice(0, 3);
    submitter.failWhere((name) => never.includes(name), false);
    const { answer } = submitter;
    submitter.failWhere((name) => ids.slice(3, 8).includes(name), true);
    const { answer: later } = submitter;
    submitter.answer = async (request, signal) => {
      await answer(request, signal);
      return later(request, signal);
    };
    const summary = await new InProcessSweep(parts, SMALL).run(NEVER);
    expect(summary).toMatchObject({ submitted: 32, kept: 5, dead: 3, isWhole: true });
    expect(await left()).toEqual(ids.slice(3, 8));
    expect(await deadIds()).toEqual(never);
  });

  test('reminders crowded in one corner of the ids take several sweeps', async () => {
    const { parts, addStale, left } = openSweepWorld(await open());
    const ids = Array.from({ length: 300 }, (_, index) => idOf(index));
    await addStale(ids);
    const sweep = new InProcessSweep(parts, { ...SMALL, secondaryShards: 2 });
    const summary = await sweep.run(NEVER);
    expect(summary).toMatchObject({ scanned: 45, submitted: 45, isWhole: false });
    for (let round = 2; round <= 7; round++) await sweep.run(NEVER);
    expect(await left()).toEqual([]);
  });

  describe('what is under way', () => {
    test('is bounded by the batches, however many reminders there are', async () => {
      const { parts, addStale, submitter } = openSweepWorld(await open());
      await addStale(spreadIds(300));
      const begun = new Signal();
      const gate = Promise.withResolvers<void>();
      let running = 0;
      let most = 0;
      submitter.answer = async () => {
        most = Math.max(most, ++running);
        begun.emit();
        await gate.promise;
        running -= 1;
        return 'submitted';
      };
      const swept = new InProcessSweep(parts, { ...SMALL, batchesAtOnce: 2 }).run(NEVER);
      for (let count = 1; count <= 16; count++) await begun.next();
      gate.resolve();
      expect(await swept).toMatchObject({ submitted: 300 });
      expect(most).toBe(16);
    });

    test('keeps a second sweep out, but no longer than it lasts', async () => {
      const { parts, addStale, submitter } = openSweepWorld(await open());
      await addStale(spreadIds(1));
      const answer = new Signal<SubmitOutcome>();
      submitter.answer = () => answer.next();
      const sweep = new InProcessSweep(parts);
      const first = sweep.run(NEVER);
      await expect(sweep.run(NEVER)).rejects.toMatchObject({ code: 'failed-precondition' });
      answer.emit('submitted');
      expect(await first).toMatchObject({ submitted: 1 });
      expect(await sweep.run(NEVER)).toMatchObject({ submitted: 0 });
    });

    test('is settled if the signal ends the sweep, and nothing is lost', async () => {
      const { parts, addStale, submitter, left } = openSweepWorld(await open());
      const ids = spreadIds(200);
      await addStale(ids);
      const stop = new AbortController();
      submitter.answer = async () => {
        if (submitter.requests.length === 50) stop.abort();
        return 'submitted';
      };
      const sweep = new InProcessSweep(parts, SMALL);
      expect(await sweep.run(stop.signal)).toMatchObject({ submitted: 50, isWhole: false });
      expect([...submitter.taken, ...(await left())].sort()).toEqual(ids);
      expect(await sweep.run(NEVER)).toMatchObject({ submitted: 150, isWhole: true });
    });
  });

  test('a failure of the database costs one batch, which the next sweep submits', async () => {
    const { parts, addStale, submitter, left, log } = openSweepWorld(await open());
    const ids = spreadIds(40);
    await addStale(ids);
    let writes = 0;
    const unlessSecond = <T>(write: () => Promise<T>): Promise<T> =>
      ++writes === 2 ? Promise.reject(new Error('away')) : write();
    const db: Database = {
      ...new Faults().wrap(parts.db),
      write: (fn, options) => unlessSecond(() => parts.db.write(fn, options)),
      statement: (query, columns) => unlessSecond(() => parts.db.statement(query, columns)),
    };
    const sweep = new InProcessSweep({ ...parts, db }, SMALL);
    expect(await sweep.run(NEVER)).toMatchObject({ submitted: 32, kept: 8, isWhole: false });
    expect(log.lines).toMatchObject([{ level: 'error', fields: { reminders: 8 } }]);
    expect(await sweep.run(NEVER)).toMatchObject({ submitted: 8, isWhole: true });
    expect(submitter.taken).toEqual(ids);
    expect(await left()).toEqual([]);
  });

  test('two sweeps at once submit all reminders and leave none', async () => {
    const { parts, addStale, submitter, left } = openSweepWorld(await open());
    const ids = spreadIds(200);
    await addStale(ids);
    const summaries = await Promise.all(
      [1, 2].map((seed) =>
        new InProcessSweep({ ...parts, random: seededRandom(seed) }, SMALL).run(NEVER),
      ),
    );
    const submitted = summaries.map((summary) => summary.submitted);
    expect(submitted.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(200);
    expect(submitter.taken).toEqual(ids);
    expect(await left()).toEqual([]);
  });
});
