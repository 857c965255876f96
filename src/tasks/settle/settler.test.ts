import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import { openTaskWorld } from '../../../test/support/tasks/task-world.ts';
import { CodedError } from '../../errors.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import type { SettleOutcome } from '../task.ts';
import type { Settlement } from './settlement.ts';
import { Settler } from './settler.ts';

function done(id: string): Settlement {
  return { lease: { type: 'plain', id, fence: 1 }, outcome: 'done' };
}

function failed(id: string): Settlement {
  return { lease: { type: 'plain', id, fence: 1 }, outcome: 'retry', error: 'no', delayMs: 0 };
}

/** A settler on a queue that answers what `answer` says, and notes what it was asked. */
function settlerOn(answer: (ids: readonly string[]) => SettleOutcome[]) {
  const clock = new FakeClock();
  const batches: string[][] = [];
  const queue = {
    settleAll: async (settlements: readonly Settlement[]) => {
      const ids = settlements.map(({ lease }) => lease.id);
      batches.push(ids);
      return answer(ids);
    },
  };
  return { clock, batches, settler: new Settler({ queue, clock, random: () => 0.5 }) };
}

const allDone = (ids: readonly string[]): SettleOutcome[] => ids.map(() => 'done');

describe('a settler', () => {
  test('settles at once what ends together', async () => {
    const { settler, batches } = settlerOn(allDone);
    const outcomes = await Promise.all(['a', 'b', 'c'].map((id) => settler.settle(done(id))));
    expect(outcomes).toEqual(['done', 'done', 'done']);
    expect(batches).toEqual([['a', 'b', 'c']]);
  });

  test('tells each attempt what came of it', async () => {
    const { settler } = settlerOn((ids) => ids.map((id) => (id === 'b' ? 'lost' : 'done')));
    const outcomes = [done('a'), done('b'), failed('c')].map((one) => settler.settle(one));
    expect(await Promise.all(outcomes)).toEqual(['done', 'lost', 'retry']);
  });

  test('keeps kinds apart, and batches bounded', async () => {
    const { settler, batches } = settlerOn(allDone);
    const settlements = Array.from({ length: 1_500 }, (_, index) =>
      index === 7 ? failed('odd') : done(`t${index}`),
    );
    await Promise.all(settlements.map((settlement) => settler.settle(settlement)));
    expect(batches.map((ids) => ids.length).sort((a, b) => a - b)).toEqual([1, 499, 1_000]);
  });

  test('asks again while the database is away', async () => {
    let asked = 0;
    const { settler, clock } = settlerOn((ids) => {
      asked += 1;
      if (asked < 3) throw new CodedError('unavailable', 'the database is away');
      return allDone(ids);
    });
    const settled = settler.settle(done('a'));
    for (let pause = 0; pause < 2; pause++) {
      await clock.untilSleepers(1);
      clock.advance(1_000);
    }
    expect(await settled).toBe('done');
    expect(asked).toBe(3);
  });

  test('gives up on what no asking can settle, and goes on with the next', async () => {
    const { settler } = settlerOn((ids) => {
      if (ids.includes('bad')) throw new Error('a bug');
      return allDone(ids);
    });
    await expect(settler.settle(done('bad'))).rejects.toThrow('a bug');
    expect(await settler.settle(done('good'))).toBe('done');
  });
});

eachDatabase((open) => {
  describe('a settler whose answer was lost', () => {
    test.each([
      ['retry', { outcome: 'retry', error: 'no', delayMs: 0 }, 1],
      ['released', { outcome: 'released' }, 0],
    ] as const)('asks again, and does no harm by it: %s', async (_, end, attempt) => {
      const { queue, enqueue, lease, living } = await openTaskWorld(open);
      const clock = new FakeClock();
      let lostAnswers = 1;
      const lossy = {
        settleAll: async (settlements: readonly Settlement[]) => {
          const outcomes = await queue.settleAll(settlements);
          if (lostAnswers-- > 0) throw new CodedError('outcome-unknown', 'the answer was lost');
          return outcomes;
        },
      };
      const settler = new Settler({ queue: lossy, clock, random: () => 0.5 });
      await enqueue('a');
      const settled = settler.settle({ lease: await lease('a'), ...end });
      await clock.untilSleepers(1);
      clock.advance(1_000);
      expect(await settled).toBe('lost');
      expect(await living()).toMatchObject([{ id: 'a', state: 'due', attempt }]);
    });
  });
});
