import { setImmediate } from 'node:timers/promises';
import { emptySql, type Reader, raw } from '@postlude/queue/storage';
import { expect, test } from 'vitest';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import type { Snapshots } from '../invocations/reachable.ts';
import { readPage, type Source } from './page.ts';

const invocationId = 'a' as InvocationId;
const all = { rowIds: [toRowId(invocationId)], limit: 10_000 };

/** Of it, only a condition is asked for. */
const reader = { dialect: { isAfterKey: () => emptySql } } as unknown as Reader;

/** Snapshots of which nothing is used, and whether one is open. */
class Reads implements Snapshots {
  count = 0;
  isOpen = false;

  async read<T>(fn: (reader: Reader) => Promise<T>): Promise<T> {
    this.count += 1;
    this.isOpen = true;
    const value = await fn(reader);
    this.isOpen = false;
    return value;
  }
}

class SlowFilter {
  work = 0;
  calls = 0;
  readonly #workPerCall: number;

  constructor(workPerCall: number) {
    this.#workPerCall = workPerCall;
  }

  matches(): boolean {
    this.calls += 1;
    this.work += this.#workPerCall;
    return true;
  }
}

function source(filter: SlowFilter): Source<string> {
  return sourceOf(1_000, { filter, bytes: 0 });
}

/** Yields rows named `t0`, `t1`, … of an invocation, after the position that the query names. */
function sourceOf(
  count: number,
  { bytes, filter }: { bytes: number; filter: Source<string>['filter'] },
): Source<string> {
  const rows = Array.from({ length: count }, (_, index) => ({ item: `t${index}`, bytes }));
  return {
    itemColumn: 'result_id',
    maxRows: 1_000,
    rowsOf: () => ({
      select: raw('SELECT 1'),
      async *read() {
        yield rows;
      },
    }),
    positionOf: (testId) => ({ invocationId, testId, itemId: '' }),
    filter,
  };
}

test('a page whose filter takes long has others take turns', async () => {
  const filter = new SlowFilter(100_000);
  const callsAtTurns: number[] = [];
  let isDone = false;
  const others = (async () => {
    while (!isDone) {
      callsAtTurns.push(filter.calls);
      await setImmediate();
    }
  })();
  await readPage(new Reads(), all, source(filter));
  isDone = true;
  await others;
  const between = callsAtTurns.map((calls, index) => calls - (callsAtTurns[index - 1] ?? 0));
  expect(Math.max(...between)).toBeLessThanOrEqual(5);
  expect(between.length).toBeGreaterThan(90);
});

test('many such pages have one slice in each turn together', async () => {
  const filters = Array.from({ length: 5 }, () => new SlowFilter(500_000));
  let most = 0;
  let isDone = false;
  const others = (async () => {
    let before = 0;
    while (!isDone) {
      const now = filters.reduce((sum, { calls }) => sum + calls, 0);
      most = before === 0 ? 0 : Math.max(most, now - before);
      before = now;
      await setImmediate();
    }
  })();
  await Promise.all(filters.map((filter) => readPage(new Reads(), all, source(filter))));
  isDone = true;
  await others;
  expect(most).toBe(1);
});

test('a page whose filter takes too long ends early, and the next goes on from there', async () => {
  const filter = new SlowFilter(1_000_000);
  const page = await readPage(new Reads(), all, source(filter));
  expect(page.items).toHaveLength(51);
  expect(page.next).toEqual({ invocationId, testId: 't50', itemId: '' });
});

test('a page ends before its items have more bytes than it may have, but has at least one', async () => {
  const filter = { matches: () => true, work: 0 };
  const page = async (bytes: number, maxBytes?: number) =>
    await readPage(new Reads(), { ...all, maxBytes }, sourceOf(20, { bytes, filter }));
  const end = (testId: string) => ({ invocationId, testId, itemId: '' });
  expect(await page(600_000)).toMatchObject({ items: { length: 6 }, next: end('t5') });
  expect(await page(600_000, 600_000)).toMatchObject({ items: { length: 1 }, next: end('t0') });
  expect(await page(600_000, 1)).toMatchObject({ items: { length: 1 }, next: end('t0') });
  expect(await page(100)).toEqual({
    items: expect.objectContaining({ length: 20 }),
    next: undefined,
  });
});

test('items that do not match count no bytes, and are not looked at twice', async () => {
  const filter = { matches: (item: string) => Number(item.slice(1)) % 10 === 0, work: 0 };
  const request = { ...all, maxBytes: 2 };
  const page = await readPage(new Reads(), request, sourceOf(30, { bytes: 1, filter }));
  expect(page).toEqual({
    items: ['t0', 't10'],
    next: { invocationId, testId: 't19', itemId: '' },
  });
});

test('a page ends when its caller has gone', async () => {
  const filter = new SlowFilter(500_000);
  const gone = new AbortController();
  const page = readPage(new Reads(), { ...all, signal: gone.signal }, source(filter));
  const outcome = expect(page).rejects.toThrow('gone');
  await setImmediate();
  gone.abort(new Error('gone'));
  await outcome;
  expect(filter.calls).toBeLessThan(5);
});

test('each query of a page reads a snapshot of its own, which is over before its rows are filtered', async () => {
  const reads = new Reads();
  let isOpenAtMatch = false;
  const matches = (): boolean => {
    isOpenAtMatch ||= reads.isOpen;
    return true;
  };
  const filter = { matches, work: 0 };
  const page = await readPage(
    reads,
    { ...all, limit: 3_000 },
    sourceOf(1_000, { bytes: 0, filter }),
  );
  expect(page.items).toHaveLength(3_000);
  expect(reads.count).toBe(3);
  expect(isOpenAtMatch).toBe(false);
});

test('rows that are large are read in several snapshots', async () => {
  const reads = new Reads();
  const filter = { matches: () => true, work: 0 };
  const groups = [['t0', 't1'], ['t2'], ['t3']];
  const taken: string[] = [];
  const source: Source<string> = {
    ...sourceOf(0, { bytes: 0, filter }),
    rowsOf: () => ({
      select: raw('SELECT 1'),
      async *read() {
        for (const group of groups.splice(0)) {
          taken.push(...group);
          yield group.map((item) => ({ item, bytes: 2_100_000 }));
        }
      },
    }),
  };
  const page = await readPage(reads, { ...all, maxBytes: 10_000_000 }, source);
  expect(taken).toEqual(['t0', 't1']);
  expect(page.items).toEqual(['t0', 't1']);
  expect(reads.count).toBe(2);
});

test('positions are only made of items at which queries and pages end', async () => {
  const made: string[] = [];
  const counted: Source<string> = {
    ...sourceOf(1_000, { filter: new SlowFilter(0), bytes: 0 }),
    positionOf(testId) {
      made.push(testId);
      return { invocationId, testId, itemId: '' };
    },
  };
  const page = await readPage(new Reads(), { ...all, limit: 700 }, counted);
  expect(page.next?.testId).toBe('t699');
  expect(made).toEqual(['t699']);
});
