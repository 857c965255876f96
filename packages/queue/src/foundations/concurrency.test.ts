import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Batches, chunk, forEachLimit, Mutex } from './concurrency.ts';

describe('forEachLimit', () => {
  test('never has more calls under way than its limit, and pulls an item only for a free slot', async () => {
    let running = 0;
    let pulled = 0;
    let most = 0;
    function* items(): Generator<number> {
      for (; pulled < 10; pulled++) {
        expect(running).toBeLessThan(3);
        yield pulled;
      }
    }
    await forEachLimit(items(), 3, async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
    });
    expect([pulled, most, running]).toEqual([10, 3, 0]);
  });

  test('the first error stops the pulling, and is thrown once all started calls have ended', async () => {
    const gate = Promise.withResolvers<void>();
    const ended: number[] = [];
    const all = forEachLimit([1, 2, 3, 4], 2, async (item) => {
      if (item === 2) throw new Error('second');
      await gate.promise;
      ended.push(item);
    });
    gate.resolve();
    await expect(all).rejects.toThrow('second');
    expect(ended).not.toContain(4);
    expect(ended).toContain(1);
  });

  test('throws an error of the items themselves after all started calls have ended', async () => {
    const gate = Promise.withResolvers<void>();
    let hasEnded = false;
    async function* items(): AsyncGenerator<number> {
      yield 1;
      setImmediate(() => gate.resolve());
      throw new Error('no more items');
    }
    const all = forEachLimit(items(), 2, async () => {
      await gate.promise;
      hasEnded = true;
    });
    await expect(all).rejects.toThrow('no more items');
    expect(hasEnded).toBe(true);
  });
});

test('chunk neither loses nor repeats items', () => {
  expect(chunk([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
  expect(chunk([], 2)).toEqual([]);
});

test('a Mutex lets one in at a time, in order, whatever fails before', async () => {
  const mutex = new Mutex();
  const seen: string[] = [];
  const first = mutex.run(async () => {
    seen.push('first in');
    await Promise.resolve();
    seen.push('first out');
    throw new Error('first');
  });
  const second = mutex.run(async () => seen.push('second'));
  await expect(first).rejects.toThrow('first');
  await second;
  expect(seen).toEqual(['first in', 'first out', 'second']);
});

describe('Batches', () => {
  test('items that are added in one turn form one batch, within the limit', async () => {
    const ran: number[][] = [];
    const run = async (items: readonly number[]) => {
      ran.push([...items]);
      return items;
    };
    const batches = new Batches({ maxItems: 2, run });
    await Promise.all([1, 2, 3].map((item) => batches.add(item)));
    await batches.add(4);
    expect(ran).toEqual([[1, 2], [3], [4]]);
  });

  test('each item gets its own result', async () => {
    const run = async (items: readonly number[]) => items.map((item) => item * 10);
    const batches = new Batches({ maxItems: 2, run });
    const results = [1, 2, 3].map((item) => batches.add(item));
    expect(await Promise.all(results)).toEqual([10, 20, 30]);
  });

  test('a batch that fails fails only for its own items', async () => {
    const run = async ([item]: readonly number[]) => {
      if (item === 1) throw new Error('one');
      return [item];
    };
    const batches = new Batches({ maxItems: 1, run });
    const outcomes = await Promise.allSettled([batches.add(1), batches.add(2)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });

  test('an item that is added just as the last batch ends is not forgotten', async () => {
    const ran: number[] = [];
    const run = async (items: readonly number[]) => {
      ran.push(...items);
      return items;
    };
    for (let microtasks = 0; microtasks < 20; microtasks++) {
      const batches = new Batches({ maxItems: 2, run });
      await batches.add(-1);
      for (let passed = 0; passed < microtasks; passed++) await undefined;
      void batches.add(microtasks);
      for (let turn = 0; turn < 3; turn++) await nextTurn();
      expect(ran.at(-1)).toBe(microtasks);
    }
  });

  test('an item without a result is rejected', async () => {
    const batches = new Batches({ maxItems: 2, run: async () => ['only'] });
    const outcomes = await Promise.allSettled([batches.add(1), batches.add(2)]);
    expect(outcomes).toMatchObject([
      { value: 'only' },
      { reason: { message: 'a batch of 2 items has 1 results' } },
    ]);
  });

  test('batches that share a mutex run one at a time', async () => {
    const oneAtATime = new Mutex();
    const seen: string[] = [];
    const released = Promise.withResolvers<void>();
    const open = (name: string) =>
      new Batches({
        maxItems: 2,
        oneAtATime,
        run: async (items: readonly number[]) => {
          seen.push(`${name} begins`);
          await released.promise;
          seen.push(`${name} ends`);
          return items;
        },
      });
    const both = [open('first').add(1), open('second').add(2)];
    released.resolve();
    await Promise.all(both);
    expect(seen).toEqual(['first begins', 'first ends', 'second begins', 'second ends']);
  });
});
