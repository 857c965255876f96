import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { mapInSlices } from './map-in-slices.ts';

test('many items are mapped in slices, in their order', async () => {
  const items = Array.from({ length: 10_000 }, (_, index) => index);
  let mapped = 0;
  let isDone = false;
  let most = 0;
  const others = (async () => {
    for (let before = 0; !isDone; before = mapped) {
      await turn();
      most = Math.max(most, mapped - before);
    }
  })();
  const doubled = await mapInSlices(items, new AbortController().signal, (item) => {
    mapped += 1;
    return 2 * item;
  });
  isDone = true;
  await others;
  expect(doubled).toEqual(items.map((item) => 2 * item));
  expect(most).toBe(250);
});

test('mapping ends when nobody waits for it', async () => {
  const left = new AbortController();
  left.abort(new Error('gone'));
  const mapping = mapInSlices(Array(10_000).fill(0), left.signal, (item) => item);
  await expect(mapping).rejects.toThrow('gone');
});
