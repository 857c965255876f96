import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { BatchesInFlight, type Flight } from './batches-in-flight.ts';

const KB = 1_000;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Batches whose calls end when the test says so. */
function openBatches() {
  const clock = new FakeClock();
  const batches = new BatchesInFlight(clock);
  const flights: (Flight & PromiseWithResolvers<void>)[] = [];
  let taken = 0;
  const add = async (bytes = KB): Promise<void> => {
    await batches.add(bytes, (flight) => {
      const call = { ...flight, ...Promise.withResolvers<void>() };
      flights.push(call);
      return call.promise;
    });
    taken += 1;
  };
  /** Ends the call with this index, and lets everything happen that follows from it. */
  const store = async (index: number, ms = 10): Promise<void> => {
    clock.advance(ms);
    flights[index]?.resolve();
    await turn();
  };
  return { add, batches, flights, store, taken: () => taken };
}

test('two batches are sent at once, and the third when one of them is stored', async () => {
  const { add, flights, store, taken } = openBatches();
  const adding = [add(), add(), add()];
  await turn();
  expect([flights.length, taken()]).toEqual([2, 2]);
  await store(1);
  expect([flights.length, taken()]).toEqual([3, 3]);
  await Promise.all(adding);
});

test('batches that are large together wait for one another, and a larger one is sent alone', async () => {
  const { add, flights, store } = openBatches();
  const adding = [add(3_000 * KB), add(1_500 * KB), add(9_000 * KB)];
  await turn();
  expect(flights).toHaveLength(1);
  await store(0);
  expect(flights).toHaveLength(2);
  await store(1);
  expect(flights).toHaveLength(3);
  await Promise.all(adding);
});

test('the end waits for every batch', async () => {
  const { add, batches, store } = openBatches();
  await Promise.all([add(), add()]);
  let isOver = false;
  const end = batches.end().then(() => {
    isOver = true;
  });
  await store(1);
  expect(isOver).toBe(false);
  await store(0);
  await end;
});

test('after a failure nothing is sent, and what is under way is stopped before it is thrown', async () => {
  const { add, flights, batches } = openBatches();
  await Promise.all([add(), add()]);
  const waiting = add();
  waiting.catch(() => undefined);
  flights[0]?.reject(new Error('no'));
  await turn();
  expect(flights[1]?.signal.aborted).toBe(true);
  flights[1]?.reject(new Error('stopped'));
  await expect(waiting).rejects.toThrow('no');
  await expect(add()).rejects.toThrow('no');
  await expect(batches.end()).rejects.toThrow('no');
  expect(flights).toHaveLength(2);
});

test('a refusal leaves one batch in flight', async () => {
  const { add, flights, store } = openBatches();
  const adding = [add(), add(), add(), add()];
  await turn();
  flights[0]?.refused();
  flights[1]?.refused();
  await store(0);
  expect(flights).toHaveLength(2);
  await store(1);
  expect(flights).toHaveLength(3);
  await store(2);
  await Promise.all(adding);
});
