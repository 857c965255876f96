import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { openTaskWorld } from '../../../../../test/support/tasks/task-world.ts';
import { CodedError } from '../../foundations/errors.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import type { LeaseId, SettleOutcome } from '../task.ts';
import { Settler } from './settler.ts';
import type { FailedAttempt } from './task-settlement.ts';

function leaseOf(id: string): LeaseId {
  return { type: 'plain', id, fence: 1 };
}

function failed(id: string): FailedAttempt {
  return { ...leaseOf(id), error: 'no', delayMs: 0 };
}

/** Returns a settler on a queue that records each batch, and returns what `settle` returns. */
function settlerOn(settle: (ids: readonly string[]) => SettleOutcome[]) {
  const clock = new FakeClock();
  const batches: string[][] = [];
  const settleBatch = async (leases: readonly LeaseId[]) => {
    const ids = leases.map(({ id }) => id);
    batches.push(ids);
    return settle(ids);
  };
  const queue = {
    completeAll: settleBatch,
    retryAll: settleBatch,
    release: settleBatch,
    markAllDead: settleBatch,
  };
  return { clock, batches, settler: new Settler({ queue, clock, random: () => 0.5 }) };
}

const allDone = (ids: readonly string[]): SettleOutcome[] => ids.map(() => 'done');

describe('a settler', () => {
  test('settles attempts together if they end together', async () => {
    const { settler, batches } = settlerOn(allDone);
    const outcomes = await Promise.all(['a', 'b', 'c'].map((id) => settler.complete(leaseOf(id))));
    expect(outcomes).toEqual(['done', 'done', 'done']);
    expect(batches).toEqual([['a', 'b', 'c']]);
  });

  test('returns to each attempt its outcome', async () => {
    const { settler } = settlerOn((ids) => ids.map((id) => (id === 'b' ? 'lost' : 'done')));
    const outcomes = ['a', 'b', 'c'].map((id) => settler.complete(leaseOf(id)));
    expect(await Promise.all(outcomes)).toEqual(['done', 'lost', 'done']);
  });

  test('keeps kinds of outcomes apart, and batches bounded', async () => {
    const { settler, batches } = settlerOn(allDone);
    const settled = Array.from({ length: 1_500 }, (_, index) =>
      index === 7 ? settler.retry(failed('odd')) : settler.complete(leaseOf(`t${index}`)),
    );
    await Promise.all(settled);
    expect(batches.map((ids) => ids.length).sort((a, b) => a - b)).toEqual([1, 499, 1_000]);
  });

  test('has one statement under way at a time, of whatever kind', async () => {
    const first = Promise.withResolvers<void>();
    const begun: string[] = [];
    const settle = (kind: string) => async (leases: readonly LeaseId[]) => {
      begun.push(kind);
      await first.promise;
      return allDone(leases.map(({ id }) => id));
    };
    const queue = {
      completeAll: settle('complete'),
      retryAll: settle('retry'),
      release: settle('release'),
      markAllDead: settle('mark dead'),
    };
    const settler = new Settler({ queue, clock: new FakeClock(), random: () => 0.5 });
    const settled = [settler.complete(leaseOf('a')), settler.release(leaseOf('b'))];
    await setImmediate();
    await setImmediate();
    expect(begun).toEqual(['complete']);
    first.resolve();
    await Promise.all(settled);
    expect(begun).toEqual(['complete', 'release']);
  });

  test('tries again while the database is away', async () => {
    let asked = 0;
    const { settler, clock } = settlerOn((ids) => {
      asked += 1;
      if (asked < 3) throw new CodedError('unavailable', 'the database is away');
      return allDone(ids);
    });
    const settled = settler.complete(leaseOf('a'));
    for (let pause = 0; pause < 2; pause++) {
      await clock.untilSleepers(1);
      clock.advance(1_000);
    }
    expect(await settled).toBe('done');
    expect(asked).toBe(3);
  });

  test('rejects a batch that no retry can settle, and goes on with the next', async () => {
    const { settler } = settlerOn((ids) => {
      if (ids.includes('bad')) throw new Error('a bug');
      return allDone(ids);
    });
    await expect(settler.complete(leaseOf('bad'))).rejects.toThrow('a bug');
    expect(await settler.complete(leaseOf('good'))).toBe('done');
  });
});

eachDatabase((open) => {
  describe('a settler that lost a response', () => {
    test.each([
      ['retry', 1],
      ['release', 0],
    ] as const)('tries again, which does no harm: %s', async (change, attempt) => {
      const { queue, enqueue, lease, living } = await openTaskWorld(open);
      const clock = new FakeClock();
      let lostAnswers = 1;
      const loseFirst = async (settled: Promise<SettleOutcome[]>) => {
        const outcomes = await settled;
        if (lostAnswers-- > 0) throw new CodedError('outcome-unknown', 'the answer was lost');
        return outcomes;
      };
      const lossy = Object.assign(Object.create(queue), {
        retryAll: (failures: readonly FailedAttempt[]) => loseFirst(queue.retryAll(failures)),
        release: (leases: readonly LeaseId[]) => loseFirst(queue.release(leases)),
      });
      const settler = new Settler({ queue: lossy, clock, random: () => 0.5 });
      await enqueue('a');
      const settled = settler[change]({ ...(await lease('a')), error: 'no', delayMs: 0 });
      await clock.untilSleepers(1);
      clock.advance(1_000);
      expect(await settled).toBe('lost');
      expect(await living()).toMatchObject([{ id: 'a', state: 'due', attempt }]);
    });
  });
});
