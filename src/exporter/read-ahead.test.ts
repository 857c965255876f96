import { expect, test } from 'vitest';
import { readAhead } from './read-ahead.ts';

/** Yields 1, 2 and 3, and tells what happens to it. */
function tracedSource(failAt?: number) {
  const steps: string[] = [];
  async function* numbers(): AsyncGenerator<number, void, void> {
    try {
      for (const number of [1, 2, 3]) {
        steps.push(`read ${number}`);
        if (number === failAt) throw new Error(`no ${number}`);
        yield number;
      }
    } finally {
      steps.push('ended');
    }
  }
  return { steps, source: numbers() };
}

test('the next item is read while one is worked on, in order', async () => {
  const { steps, source } = tracedSource();
  for await (const number of readAhead(source)) steps.push(`got ${number}`);
  expect(steps).toEqual(['read 1', 'read 2', 'got 1', 'read 3', 'got 2', 'ended', 'got 3']);
});

test('an error is thrown after the items before it', async () => {
  const { steps, source } = tracedSource(2);
  const read = async (): Promise<void> => {
    for await (const number of readAhead(source)) steps.push(`got ${number}`);
  };
  await expect(read()).rejects.toThrow('no 2');
  expect(steps).toEqual(['read 1', 'read 2', 'ended', 'got 1']);
});

test('a reader that leaves early ends the source, once what is under way has been read', async () => {
  const { steps, source } = tracedSource();
  for await (const number of readAhead(source)) {
    steps.push(`got ${number}`);
    break;
  }
  expect(steps).toEqual(['read 1', 'read 2', 'got 1', 'ended']);
});
