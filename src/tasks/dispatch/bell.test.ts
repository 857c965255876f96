import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../testing/fake-clock.ts';
import { Bell } from './bell.ts';

function openBell() {
  const clock = new FakeClock();
  return { clock, bell: new Bell(clock) };
}

describe('a bell', () => {
  test('ends the waiting when it rings', async () => {
    const { bell, clock } = openBell();
    const waiting = bell.wait(1_000);
    await clock.untilSleepers(1);
    bell.ring();
    await waiting;
    expect(clock.sleepers).toBe(0);
  });

  test('that nobody waits for is heard by the next one, once', async () => {
    const { bell, clock } = openBell();
    bell.ring();
    bell.ring();
    await bell.wait(1_000);
    const waiting = bell.wait(1_000);
    await clock.untilSleepers(1);
    clock.advance(1_000);
    await waiting;
  });

  test('ends the waiting when its time is over, or the signal aborts', async () => {
    const { bell, clock } = openBell();
    const stop = new AbortController();
    const first = bell.wait(1_000, stop.signal);
    await clock.untilSleepers(1);
    clock.advance(1_000);
    await first;
    const second = bell.wait(1_000, stop.signal);
    await clock.untilSleepers(1);
    stop.abort();
    await second;
    await bell.wait(1_000, stop.signal);
    expect(clock.sleepers).toBe(0);
  });
});
