import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { openCliContext } from '../../../test/support/cli/cli-world.ts';
import { cutWhenStopped } from './stopping.ts';

function stoppableContext() {
  const clock = new FakeClock();
  const stopping = new AbortController();
  const exits: number[] = [];
  const exited = Promise.withResolvers<number>();
  const exit = (code: number): void => {
    exits.push(code);
    exited.resolve(code);
  };
  const context = { ...openCliContext(), clock, signal: stopping.signal, exit };
  return { context, clock, stopping, exits, exited: exited.promise };
}

test('a command that hangs when it is stopped ends a little later', async () => {
  const { context, clock, stopping, exits, exited } = stoppableContext();
  const hanging = Promise.withResolvers<string>();
  const outcome = cutWhenStopped(context, () => hanging.promise);
  stopping.abort('SIGTERM');
  await clock.untilSleepers(1);
  clock.advance(2_999);
  expect(clock.sleepers).toBe(1);
  clock.advance(1);
  expect(await exited).toBe(143);
  expect(exits).toEqual([143]);
  hanging.resolve('late');
  expect(await outcome).toBe('late');
});

test('a command that ends in time is not killed', async () => {
  const { context, clock, stopping, exits } = stoppableContext();
  const working = Promise.withResolvers<string>();
  const outcome = cutWhenStopped(context, () => working.promise);
  stopping.abort('SIGINT');
  await clock.untilSleepers(1);
  working.resolve('done');
  expect(await outcome).toBe('done');
  expect(clock.sleepers).toBe(0);
  expect(exits).toEqual([]);
});
