import { EventEmitter } from 'node:events';
import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { listenForStops } from './stop-signals.ts';

function openWorld() {
  const source = new EventEmitter();
  const clock = new FakeClock();
  const ended: string[] = [];
  const stops = listenForStops(source, clock, (signal) => ended.push(signal));
  const send = (signal: 'SIGINT' | 'SIGTERM') => source.emit(signal, signal);
  return { clock, ended, send, source, ...stops };
}

test('the first signal asks the command to end, the second ends the process', () => {
  const { clock, ended, forced, send, signal, source } = openWorld();
  send('SIGTERM');
  expect([signal.reason, forced.aborted, ended]).toEqual(['SIGTERM', false, []]);
  clock.advance(1_000);
  send('SIGTERM');
  expect([forced.aborted, ended]).toEqual([true, ['SIGTERM']]);
  expect(source.listenerCount('SIGTERM') + source.listenerCount('SIGINT')).toBe(0);
});

test('a second signal of the other kind also ends the process, as GitHub sends them', () => {
  const { clock, ended, send, signal } = openWorld();
  send('SIGINT');
  clock.advance(7_500);
  send('SIGTERM');
  expect([signal.reason, ended]).toEqual(['SIGINT', ['SIGTERM']]);
});

test('a signal that npm passes on, and so comes twice, counts once', () => {
  const { clock, ended, send } = openWorld();
  send('SIGINT');
  clock.advance(200);
  send('SIGINT');
  expect(ended).toEqual([]);
  clock.advance(200);
  send('SIGINT');
  expect(ended).toEqual(['SIGINT']);
});
