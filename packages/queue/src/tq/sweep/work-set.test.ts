import { expect, test } from 'vitest';
import { forEachLimit } from '../../foundations/concurrency.ts';
import { seededRandom } from '../../foundations/random.ts';
import { WorkSet } from './work-set.ts';

/** Each number stands for the tree below it: it produces two numbers of half its size. */
async function visit(workers: number): Promise<number[]> {
  const set = new WorkSet([100, 100], seededRandom(workers));
  const seen: number[] = [];
  await forEachLimit(set, workers, async (item) => {
    await Promise.resolve();
    seen.push(item);
    const half = Math.floor(item / 2);
    set.done(half > 0 ? [half, half] : []);
  });
  return seen.sort((a, b) => a - b);
}

test.each([1, 2, 16, 1_000])('%i workers take each piece of work once', async (workers) => {
  const seen = await visit(workers);
  expect(seen).toHaveLength(2 * (2 ** 7 - 1));
  expect(seen.filter((item) => item === 100)).toHaveLength(2);
  expect(seen.filter((item) => item === 1)).toHaveLength(128);
});

test('a waiting worker is woken by work that another has made', async () => {
  const set = new WorkSet(['first'], seededRandom(1));
  const loop = set[Symbol.asyncIterator]();
  expect(await loop.next()).toEqual({ done: false, value: 'first' });
  const second = loop.next();
  set.done(['second']);
  expect(await second).toEqual({ done: false, value: 'second' });
  const end = loop.next();
  set.done([]);
  expect(await end).toEqual({ done: true, value: undefined });
});

test('an empty set has no work', async () => {
  expect(await new WorkSet([], seededRandom(1))[Symbol.asyncIterator]().next()).toMatchObject({
    done: true,
  });
});

test('the order is random', async () => {
  const orders = new Set<string>();
  for (let seed = 1; seed <= 10; seed++) {
    const set = new WorkSet([1, 2, 3, 4], seededRandom(seed));
    const order: number[] = [];
    await forEachLimit(set, 1, async (item) => {
      order.push(item);
      set.done([]);
    });
    orders.add(order.join());
  }
  expect(orders.size).toBeGreaterThan(5);
});
