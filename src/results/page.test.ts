import { setImmediate } from 'node:timers/promises';
import { type Reader, raw } from '@postlude/queue/storage';
import { expect, test } from 'vitest';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import { readPage, type Source } from './page.ts';

const invocationId = 'a' as InvocationId;
const all = { rowIds: [toRowId(invocationId)], limit: 10_000 };

/** Nothing of it is used. */
const reader = {} as Reader;

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
    select: raw('SELECT 1'),
    itemColumn: 'result_id',
    maxRows: 1_000,
    async *read() {
      yield rows;
    },
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
  await readPage(reader, all, source(filter));
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
  await Promise.all(filters.map((filter) => readPage(reader, all, source(filter))));
  isDone = true;
  await others;
  expect(most).toBe(1);
});

test('a page whose filter takes too long ends early, and the next goes on from there', async () => {
  const filter = new SlowFilter(1_000_000);
  const page = await readPage(reader, all, source(filter));
  expect(page.items).toHaveLength(51);
  expect(page.next).toEqual({ invocationId, testId: 't50', itemId: '' });
});

test('a page ends before its items have more bytes than it may have, but has at least one', async () => {
  const filter = { matches: () => true, work: 0 };
  const page = async (bytes: number, maxBytes?: number) =>
    await readPage(reader, { ...all, maxBytes }, sourceOf(20, { bytes, filter }));
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
  const page = await readPage(reader, request, sourceOf(30, { bytes: 1, filter }));
  expect(page).toEqual({
    items: ['t0', 't10'],
    next: { invocationId, testId: 't19', itemId: '' },
  });
});

test('a page ends when its caller has gone', async () => {
  const filter = new SlowFilter(500_000);
  const gone = new AbortController();
  const page = readPage(reader, { ...all, signal: gone.signal }, source(filter));
  const outcome = expect(page).rejects.toThrow('gone');
  await setImmediate();
  gone.abort(new Error('gone'));
  await outcome;
  expect(filter.calls).toBeLessThan(5);
});
