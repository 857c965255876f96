import { expect, test } from 'vitest';
import { RecordingLog } from '../../../../../test/support/recording-log.ts';
import { Signal } from '../../../../../test/support/signal.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { repeat } from './repeat.ts';

function openRounds() {
  const clock = new FakeClock(0);
  const log = new RecordingLog();
  const begun = new Signal<number>();
  const stop = new AbortController();
  const parts = { clock, log, nextAt: (startedAt: number) => startedAt + 100 };
  return {
    clock,
    log,
    begun,
    stop,
    start: (round: () => Promise<unknown>) =>
      repeat(parts, stop.signal, () => {
        begun.emit(clock.now());
        return round();
      }),
  };
}

test('the first round begins now, and each next one at its time, however long rounds take', async () => {
  const { clock, begun, stop, start } = openRounds();
  const running = start(async () => clock.advance(30));
  expect(await begun.next()).toBe(0);
  await clock.untilSleepers(1);
  clock.advance(69);
  expect(begun.pending).toBe(0);
  clock.advance(1);
  expect(await begun.next()).toBe(100);
  stop.abort();
  await running;
});

test('the next round begins at once if the last one took too long', async () => {
  const { clock, begun, stop, start } = openRounds();
  const running = start(async () => clock.advance(250));
  expect(await begun.next()).toBe(0);
  expect(await begun.next()).toBe(250);
  stop.abort();
  await running;
});

test('a round that fails is logged, and the next one follows', async () => {
  const { clock, begun, stop, start, log } = openRounds();
  const running = start(() => Promise.reject(new Error('no')));
  await begun.next();
  await clock.untilSleepers(1);
  clock.advance(100);
  await begun.next();
  stop.abort();
  await running;
  expect(log.lines[0]).toMatchObject({ level: 'error', fields: { error: { message: 'no' } } });
});

test('the last round may finish', async () => {
  const { begun, stop, start } = openRounds();
  const end = new Signal();
  let hasEnded = false;
  const running = start(() => end.next()).then(() => {
    hasEnded = true;
  });
  await begun.next();
  stop.abort();
  await new Promise(setImmediate);
  expect(hasEnded).toBe(false);
  end.emit();
  await running;
});
