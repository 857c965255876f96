import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Signal } from '../../../../../test/support/signal.ts';
import { Batcher } from './batcher.ts';

test('runs all ids in full batches, and the rest at the end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat({ max: 30 })),
      fc.integer({ min: 1, max: 10 }),
      async (sizes, batchSize) => {
        const batches: (readonly string[])[] = [];
        const batcher = new Batcher({
          batchSize,
          concurrency: 3,
          run: async (ids) => void batches.push(ids),
        });
        const added = sizes.map((size, at) => Array.from({ length: size }, (_, n) => `${at}/${n}`));
        await Promise.all(added.map((ids) => batcher.add(ids)));
        await batcher.close();
        expect(batches.flat().sort()).toEqual(added.flat().sort());
        for (const batch of batches.slice(0, -1)) expect(batch).toHaveLength(batchSize);
      },
    ),
  );
});

test('makes callers wait while all slots are taken, and closes when all batches have ended', async () => {
  const begun = new Signal<readonly string[]>();
  const end = new Signal();
  const events: string[] = [];
  const batcher = new Batcher({
    batchSize: 1,
    concurrency: 2,
    run: (ids) => {
      begun.emit(ids);
      return end.next();
    },
  });
  const added = batcher.add(['a', 'b', 'c']).then(() => events.push('added'));
  await Promise.all([begun.next(), begun.next()]);
  await new Promise(setImmediate);
  expect([begun.pending, events]).toEqual([0, []]);
  end.emit();
  expect(await begun.next()).toEqual(['c']);
  await added;
  const closed = batcher.close().then(() => events.push('closed'));
  end.emit();
  await new Promise(setImmediate);
  expect(events).toEqual(['added']);
  end.emit();
  await closed;
  expect(events).toEqual(['added', 'closed']);
});
