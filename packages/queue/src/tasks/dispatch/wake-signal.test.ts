import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../testing/fake-clock.ts';
import { WakeSignal } from './wake-signal.ts';

function openSignal() {
  const clock = new FakeClock();
  return { clock, signal: new WakeSignal(clock) };
}

describe('a wake signal', () => {
  test('ends a wait when it is set', async () => {
    const { signal, clock } = openSignal();
    const waiting = signal.wait(1_000);
    await clock.untilSleepers(1);
    signal.wake();
    await waiting;
    expect(clock.sleepers).toBe(0);
  });

  test('ends only the next wait if it is set while nobody waits', async () => {
    const { signal, clock } = openSignal();
    signal.wake();
    signal.wake();
    await signal.wait(1_000);
    const waiting = signal.wait(1_000);
    await clock.untilSleepers(1);
    clock.advance(1_000);
    await waiting;
  });

  test('lets a wait end when its time is over or its signal aborts', async () => {
    const { signal, clock } = openSignal();
    const stop = new AbortController();
    const first = signal.wait(1_000, stop.signal);
    await clock.untilSleepers(1);
    clock.advance(1_000);
    await first;
    const second = signal.wait(1_000, stop.signal);
    await clock.untilSleepers(1);
    stop.abort();
    await second;
    await signal.wait(1_000, stop.signal);
    expect(clock.sleepers).toBe(0);
  });
});
