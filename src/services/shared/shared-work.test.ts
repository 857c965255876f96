import { expect, test } from 'vitest';
import { SharedWork } from './shared-work.ts';

const { signal } = new AbortController();

/** Work that ends when the test says so. */
function heldWork() {
  const begun: PromiseWithResolvers<string>[] = [];
  const signals: AbortSignal[] = [];
  const work = (aborted: AbortSignal): Promise<string> => {
    const held = Promise.withResolvers<string>();
    begun.push(held);
    signals.push(aborted);
    return held.promise;
  };
  return { begun, signals, work };
}

/** Lets everything run that waits for nothing else. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

test('equal requests share work that is running, and others have their own', async () => {
  const shared = new SharedWork<string>();
  const { begun, work } = heldWork();
  const all = [shared.join('a', signal, work), shared.join('a', signal, work)];
  const other = shared.join('b', signal, work);
  await settle();
  expect(begun).toHaveLength(2);
  for (const [index, held] of begun.entries()) held.resolve(`${index}`);
  expect(await Promise.all(all)).toEqual(['0', '0']);
  expect(await other).toBe('1');
  expect(shared.size).toBe(0);
});

test('a failure reaches all that wait, and the next request begins again', async () => {
  const shared = new SharedWork<string>();
  const { begun, work } = heldWork();
  const all = Promise.allSettled([shared.join('a', signal, work), shared.join('a', signal, work)]);
  await settle();
  begun[0]?.reject(new Error('broken'));
  expect(await all).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
  const next = shared.join('a', signal, work);
  await settle();
  begun[1]?.resolve('whole');
  expect(await next).toBe('whole');
});

test('what must see all that was before it waits for the next work, which all such requests share', async () => {
  const shared = new SharedWork<string>();
  const { begun, work } = heldWork();
  const first = shared.joinNext('a', signal, work);
  await settle();
  const others = Array.from({ length: 100 }, () => shared.joinNext('a', signal, work));
  await settle();
  expect(begun).toHaveLength(1);
  begun[0]?.reject(new Error('broken'));
  await expect(first).rejects.toThrow('broken');
  await settle();
  expect(begun).toHaveLength(2);
  const last = shared.joinNext('a', signal, work);
  begun[1]?.resolve('second');
  expect(new Set(await Promise.all(others))).toEqual(new Set(['second']));
  await settle();
  begun[2]?.resolve('third');
  expect(await last).toBe('third');
  expect(shared.size).toBe(0);
});

test('work is aborted when nobody waits for it any more, and a new request begins its own', async () => {
  const shared = new SharedWork<string>();
  const { begun, signals, work } = heldWork();
  const [one, two] = [new AbortController(), new AbortController()];
  const all = Promise.allSettled([
    shared.join('a', one.signal, work),
    shared.join('a', two.signal, work),
  ]);
  await settle();
  one.abort();
  await settle();
  expect(signals[0]?.aborted).toBe(false);
  two.abort();
  expect(await all).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
  expect(signals[0]?.aborted).toBe(true);
  expect(shared.size).toBe(0);
  const next = shared.join('a', signal, work);
  await settle();
  begun[1]?.resolve('new');
  expect(await next).toBe('new');
});

test('work that was left before it began does not begin', async () => {
  const shared = new SharedWork<string>();
  const { begun, work } = heldWork();
  const first = shared.joinNext('a', signal, work);
  await settle();
  const gone = new AbortController();
  const second = shared.joinNext('a', gone.signal, work);
  await settle();
  gone.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  begun[0]?.resolve('done');
  await first;
  await settle();
  expect(begun).toHaveLength(1);
  await expect(shared.join('a', gone.signal, work)).rejects.toThrow('gone');
  expect(begun).toHaveLength(1);
});
