import { expect, test } from 'vitest';
import { Signal } from '../../../../test/support/signal.ts';
import { FakeClock } from './fake-clock.ts';

test('sleepers wake when their time has come, the earliest first', async () => {
  const clock = new FakeClock(1000);
  const woken: string[] = [];
  const long = clock.sleep(20).then(() => woken.push('long'));
  const short = clock.sleep(10).then(() => woken.push('short'));
  clock.advance(9);
  expect([clock.now(), clock.sleepers]).toEqual([1009, 2]);
  clock.advance(11);
  await Promise.all([long, short]);
  expect(woken).toEqual(['short', 'long']);
});

test('a sleep of no time, or with an aborted signal, ends at once', async () => {
  const clock = new FakeClock();
  await clock.sleep(0);
  await clock.sleep(10, AbortSignal.abort());
  expect(clock.sleepers).toBe(0);
});

test('setting the clock wakes nobody, and no time passes', async () => {
  const clock = new FakeClock();
  const started = clock.monotonicMs();
  void clock.sleep(10);
  clock.set(clock.now() + 3_600_000);
  expect([clock.sleepers, clock.monotonicMs() - started]).toEqual([1, 0]);
  clock.advance(10);
  expect([clock.sleepers, clock.monotonicMs() - started]).toEqual([0, 10]);
});

test('a signal that aborts wakes its sleeper without an error', async () => {
  const clock = new FakeClock();
  const end = new AbortController();
  const sleep = clock.sleep(10, end.signal);
  end.abort();
  await sleep;
  expect(clock.sleepers).toBe(0);
});

test('a test can wait for sleepers to arrive', async () => {
  const clock = new FakeClock();
  const both = clock.untilSleepers(2);
  void clock.sleep(1);
  void clock.sleep(1);
  await both;
  await clock.untilSleepers(1);
});

test('signals queue up until they are awaited, one by one', async () => {
  const signal = new Signal<number>();
  const first = signal.next();
  signal.emit(1);
  signal.emit(2);
  expect(signal.pending).toBe(1);
  expect([await first, await signal.next()]).toEqual([1, 2]);
});

test('a signal without a value is an event as well', async () => {
  const signal = new Signal();
  signal.emit();
  await signal.next();
  expect(signal.pending).toBe(0);
});
