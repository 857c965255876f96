import { expect, test } from 'vitest';
import { silentLog } from '../foundations/log.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { ServerClock } from './server-clock.ts';

/** A server whose clock is ahead, reached by round trips of the given lengths. */
function serverAhead(base: FakeClock, aheadMs: number, tripsMs: number[]) {
  return {
    serverTime: async () => {
      const tripMs = tripsMs.shift() ?? 0;
      base.advance(tripMs / 2);
      const now = base.now() + aheadMs;
      base.advance(tripMs / 2);
      return now;
    },
  };
}

test('runs with the machine until it is synced, and with the server from then on', async () => {
  const base = new FakeClock();
  const clock = new ServerClock(serverAhead(base, 5000, [10, 10, 10]), base);
  expect(clock.now()).toBe(base.now());
  await clock.sync();
  expect(clock.now()).toBe(base.now() + 5000);
});

test('uses the quickest of the round trips, since slow ones are lopsided', async () => {
  const base = new FakeClock();
  const answers = [
    { tripMs: 400, aheadMs: 200 },
    { tripMs: 2, aheadMs: 50 },
    { tripMs: 300, aheadMs: -100 },
  ];
  const server = {
    serverTime: async () => {
      const answer = answers.shift() ?? { tripMs: 0, aheadMs: 0 };
      base.advance(answer.tripMs);
      return base.now() - answer.tripMs / 2 + answer.aheadMs;
    },
  };
  const clock = new ServerClock(server, base);
  await clock.sync();
  expect(clock.offsetMs).toBe(50);
  expect(clock.uncertaintyMs).toBe(1);
});

test('a clock that is set during a round trip does not affect the measurement', async () => {
  const base = new FakeClock();
  const server = new FakeClock(base.now() + 5000);
  const steps = [3_600_000, -3_600_000, 600_000];
  const database = {
    serverTime: async () => {
      base.set(base.now() + (steps.shift() ?? 0));
      return server.now();
    },
  };
  const clock = new ServerClock(database, base);
  await clock.sync();
  expect(clock.now()).toBe(server.now());
  expect(clock.uncertaintyMs).toBe(0);
});

test('follows the server when the machine’s clock is set', async () => {
  const base = new FakeClock();
  const clock = new ServerClock(serverAhead(base, 5000, []), base);
  await clock.sync();
  const before = clock.now();
  base.set(base.now() - 3_600_000);
  base.advance(1000);
  expect(clock.now()).toBe(before + 1000);
});

test('keeps the old offset when the server cannot be asked', async () => {
  const base = new FakeClock();
  const server = serverAhead(base, 5000, []);
  const clock = new ServerClock({ serverTime: () => server.serverTime() }, base);
  await clock.sync();
  server.serverTime = () => Promise.reject(new Error('gone'));
  await expect(clock.sync()).rejects.toThrow('gone');
  expect(clock.offsetMs).toBe(5000);
});

test('syncs repeatedly, despite failures, until its signal aborts', async () => {
  const base = new FakeClock();
  let aheadMs = 100;
  let fails = false;
  const database = {
    serverTime: async () => {
      if (fails) throw new Error('gone');
      return base.now() + aheadMs;
    },
  };
  const clock = new ServerClock(database, base);
  const end = new AbortController();
  const run = clock.run({ everyMs: 1000, log: silentLog, signal: end.signal });
  await base.untilSleepers(1);
  expect(clock.offsetMs).toBe(100);
  fails = true;
  base.advance(1000);
  await base.untilSleepers(1);
  expect(clock.offsetMs).toBe(100);
  fails = false;
  aheadMs = 300;
  base.advance(1000);
  await base.untilSleepers(1);
  expect(clock.offsetMs).toBe(300);
  end.abort();
  await run;
});
