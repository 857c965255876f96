import { expect, test } from 'vitest';
import { FakeClock } from '../../../testing/fake-clock.ts';
import { ServerTime } from './server-time.ts';

const SECOND = 1_000;

function openTime() {
  const clock = new FakeClock();
  const server = new FakeClock(clock.now() + 600 * SECOND);
  let asked = 0;
  let lateMs = 0;
  const time = new ServerTime(clock);
  const pass = (ms: number) => {
    clock.advance(ms);
    server.advance(ms);
  };
  const ask = async () => {
    asked += 1;
    const answer = server.now();
    pass(lateMs);
    return answer;
  };
  return {
    clock,
    now: () => time.now(ask),
    serverNow: () => server.now(),
    pass,
    answerLate: (byMs: number) => {
      lateMs = byMs;
    },
    get asked() {
      return asked;
    },
    server,
  };
}

test('asks once, and counts from there', async () => {
  const world = openTime();
  expect(await world.now()).toBe(world.serverNow());
  world.pass(30 * SECOND);
  expect(await world.now()).toBe(world.serverNow());
  expect(world.asked).toBe(1);
});

test('asks again after half a minute', async () => {
  const world = openTime();
  await world.now();
  world.pass(30 * SECOND + 1);
  world.server.set(world.serverNow() + 3 * SECOND);
  expect(await world.now()).toBe(world.serverNow());
  expect(world.asked).toBe(2);
});

test('asks again if the machine’s clock was set, or the machine slept', async () => {
  const world = openTime();
  await world.now();
  world.clock.set(world.clock.now() - 3_600 * SECOND);
  expect(await world.now()).toBe(world.serverNow());
  expect(world.asked).toBe(2);
});

test('does not count from an answer that was slow to arrive', async () => {
  const world = openTime();
  world.answerLate(20 * SECOND);
  await world.now();
  world.answerLate(0);
  expect(await world.now()).toBe(world.serverNow());
  expect(world.asked).toBe(2);
});
