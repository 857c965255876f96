import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { Signal } from '../../test/support/signal.ts';
import { Background, type BackgroundParts } from './background.ts';
import { jsonLog } from './telemetry/json-log.ts';

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}

function start(overrides: Partial<BackgroundParts> = {}) {
  const lines: { level: string; message: string; count?: number }[] = [];
  const clock = new FakeClock();
  const background = new Background({
    dispatcher: { run: untilAborted, lookedAt: undefined },
    pollMs: 5_000,
    serverClock: { run: ({ signal }) => untilAborted(signal) },
    unknownTypes: { run: untilAborted },
    rescue: async () => 0,
    rescueEveryMs: 60_000,
    enforcement: { run: async () => undefined },
    purging: undefined,
    sweeper: undefined,
    graceMs: 20_000,
    clock,
    log: jsonLog('debug', { write: (line) => lines.push(JSON.parse(line)) }),
    ...overrides,
  });
  return { background, clock, lines };
}

test('stop waits for what is under way', async () => {
  const tasks = Promise.withResolvers<void>();
  const { background } = start({ dispatcher: { run: () => tasks.promise, lookedAt: undefined } });
  let isStopped = false;
  const stopped = background.stop().then(() => {
    isStopped = true;
  });
  await Promise.resolve();
  expect(isStopped).toBe(false);
  tasks.resolve();
  await stopped;
  expect(background.fault).toBeUndefined();
});

test('stop waits for a sweep no longer than the grace period', async () => {
  const { background, clock, lines } = start({ sweeper: { run: () => new Promise(() => {}) } });
  await clock.untilSleepers(1);
  const stopped = background.stop();
  await clock.untilSleepers(1);
  clock.advance(20_000);
  await stopped;
  expect(lines).toMatchObject([{ level: 'warn' }]);
});

test('a dispatcher that fails, or ends by itself, is a fault', async () => {
  const fails = start({
    dispatcher: { run: () => Promise.reject(new Error('bug')), lookedAt: undefined },
  });
  const ends = start({ dispatcher: { run: () => Promise.resolve(), lookedAt: undefined } });
  await new Promise(setImmediate);
  expect(fails.background.fault).toBe('the dispatcher has failed');
  expect(ends.background.fault).toBe('the dispatcher has ended');
  expect(fails.lines).toMatchObject([{ level: 'error' }]);
  await Promise.all([fails.background.stop(), ends.background.stop()]);
});

test('looks for stuck finalizations at each turn, also after one that failed', async () => {
  const turns = new Signal();
  const results = [() => Promise.reject(new Error('away')), async () => 2, async () => 0];
  const { background, clock, lines } = start({
    rescue: () => {
      turns.emit();
      return results.shift()?.() ?? Promise.resolve(0);
    },
  });
  for (let turn = 0; turn < 3; turn++) {
    await clock.untilSleepers(1);
    clock.advance(60_000);
    await turns.next();
  }
  await clock.untilSleepers(1);
  expect(lines).toMatchObject([
    { level: 'warn', message: 'cannot look for stuck finalizations' },
    { level: 'warn', count: 2 },
  ]);
  await background.stop();
});

test('a dispatcher that has not looked for tasks for long is a fault, until it looks again', async () => {
  const clock = new FakeClock();
  const dispatcher = { run: untilAborted, lookedAt: clock.monotonicMs() };
  const { background } = start({ dispatcher, clock });
  clock.advance(25_000);
  expect(background.fault).toBeUndefined();
  clock.advance(1_000);
  expect(background.fault).toBe('the dispatcher has not been able to look for tasks for 26 s');
  dispatcher.lookedAt = clock.monotonicMs();
  expect(background.fault).toBeUndefined();
  await background.stop();
});

test('stop waits for no look at the database longer than the grace period', async () => {
  const { background, clock, lines } = start({ rescue: () => new Promise(() => {}) });
  await clock.untilSleepers(1);
  clock.advance(60_000);
  await new Promise(setImmediate); // it looks
  const stopped = background.stop();
  await clock.untilSleepers(1);
  clock.advance(20_000);
  await stopped;
  expect(lines).toMatchObject([{ level: 'warn' }]);
});
