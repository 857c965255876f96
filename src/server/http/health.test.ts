import { CodedError } from '@postlude/queue/foundations';
import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import { Health, type HealthOptions } from './health.ts';

function health(overrides: Partial<HealthOptions> = {}) {
  const clock = new FakeClock();
  const draining = new AbortController();
  const options: HealthOptions = {
    database: { checkSchema: async () => undefined },
    dispatcherFault: () => undefined,
    draining: draining.signal,
    clock,
    ...overrides,
  };
  return { health: new Health(options), clock, draining };
}

test('is ready on a database of this version, and not on one that lacks migrations', async () => {
  const ready = health({ database: await openTestPglite() });
  expect(await ready.health.notReadyBecause()).toBeUndefined();
  const old = health({ database: await openTestPglite({ migrated: false }) });
  expect(await old.health.notReadyBecause()).toMatch(/^the database lacks 0001_/);
});

test('is not ready while the server stops', async () => {
  const { health: stopping, draining } = health();
  draining.abort();
  expect(await stopping.notReadyBecause()).toBe('the server is stopping');
});

test('is not ready without a dispatcher', async () => {
  const { health: broken } = health({ dispatcherFault: () => 'the dispatcher has failed' });
  expect(await broken.notReadyBecause()).toBe('the dispatcher has failed');
});

test('is not ready while the database is away', async () => {
  const away = () => Promise.reject(new CodedError('unavailable', 'connection refused'));
  const { health: cutOff } = health({ database: { checkSchema: away } });
  expect(await cutOff.notReadyBecause()).toBe('connection refused');
});

test('is not ready while the database refuses writes', async () => {
  let refusal: string | undefined = 'the disk is full';
  const { health: full } = health({
    database: { checkSchema: async () => undefined, writesRefusedBecause: () => refusal },
  });
  expect(await full.notReadyBecause()).toBe('the disk is full');
  refusal = undefined;
  expect(await full.notReadyBecause()).toBeUndefined();
});

test('asks a database that does not answer once, and not for ever', async () => {
  let asked = 0;
  const answer = Promise.withResolvers<void>();
  const { health: slow, clock } = health({
    database: {
      checkSchema: () => {
        asked += 1;
        return answer.promise;
      },
    },
  });
  const reasons = Promise.all([slow.notReadyBecause(), slow.notReadyBecause()]);
  await clock.untilSleepers(1);
  clock.advance(5_000);
  expect(await reasons).toEqual(Array(2).fill('the database has not answered for 5 s'));
  expect(asked).toBe(1);
  clock.advance(60_000);
  expect(await slow.notReadyBecause()).toBe('the database has not answered for 65 s');
  expect(asked).toBe(1);
  answer.resolve();
  await new Promise(setImmediate);
  expect(await slow.notReadyBecause()).toBeUndefined();
  expect(asked).toBe(2);
});

test('looks at the database by itself, so that its silence is known before anybody asks', async () => {
  let isSilent = false;
  const { health: watched, clock } = health({
    database: {
      checkSchema: () => (isSilent ? new Promise(() => undefined) : Promise.resolve()),
    },
  });
  const stop = new AbortController();
  const running = watched.run(stop.signal);
  await new Promise(setImmediate); // it has been answered, and sleeps
  isSilent = true;
  clock.advance(5_000);
  await clock.untilSleepers(1);
  clock.advance(25_000);
  expect(watched.databaseSilentMs).toBe(30_000);
  expect(await watched.notReadyBecause()).toBe('the database has not answered for 30 s');
  stop.abort();
  await running;
});
