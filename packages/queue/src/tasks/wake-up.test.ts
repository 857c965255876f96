import { describe, expect, test } from 'vitest';
import { RecordingLog } from '../../../../test/support/recording-log.ts';
import { Signal } from '../../../../test/support/signal.ts';
import type { Notifications } from '../storage/database.ts';
import { DatabaseWakeUp, LocalWakeUp } from './wake-up.ts';

/** Notifications that the test passes on one by one. */
function heldNotifications() {
  const asked = new Signal<string>();
  const maySend = new Signal<Error | undefined>();
  const listeners = new Set<(payload: string) => void>();
  const notifications: Notifications = {
    notify: async (_channel, payload) => {
      asked.emit(payload);
      const error = await maySend.next();
      if (error) throw error;
      for (const listener of listeners) listener(payload);
    },
    listen: async (_channel, fn) => {
      listeners.add(fn);
      return async () => void listeners.delete(fn);
    },
  };
  return { notifications, asked, maySend, listeners };
}

describe('a wake-up within the process', () => {
  test('reaches each subscriber to the type once', () => {
    const wakeUp = new LocalWakeUp();
    const woken: string[] = [];
    wakeUp.subscribe(['a', 'b'], () => void woken.push('ab'));
    wakeUp.subscribe(['b'], () => void woken.push('b'));
    wakeUp.enqueued(['a', 'b']);
    expect(woken.sort()).toEqual(['ab', 'b']);
    wakeUp.enqueued(['c']);
    expect(woken).toHaveLength(2);
  });

  test('does not reach former subscribers', () => {
    const wakeUp = new LocalWakeUp();
    const woken: string[] = [];
    const leave = wakeUp.subscribe(['a'], () => void woken.push('a'));
    leave();
    wakeUp.enqueued(['a']);
    expect(woken).toEqual([]);
  });
});

describe('a wake-up through the database', () => {
  test('sends types that arrive meanwhile together, each once', async () => {
    const { notifications, asked, maySend } = heldNotifications();
    const wakeUp = await DatabaseWakeUp.open(notifications);
    wakeUp.enqueued(['a']);
    expect(await asked.next()).toBe('a');
    for (let times = 0; times < 100; times++) wakeUp.enqueued(['b', 'c']);
    expect(asked.pending).toBe(0);
    maySend.emit(undefined);
    expect(await asked.next()).toBe('b,c');
    maySend.emit(undefined);
    await wakeUp.close();
    expect(asked.pending).toBe(0);
  });

  test('wakes its own process without waiting for the database', async () => {
    const { notifications } = heldNotifications();
    const wakeUp = await DatabaseWakeUp.open(notifications);
    const woken: string[] = [];
    wakeUp.subscribe(['a'], () => void woken.push('a'));
    wakeUp.enqueued(['a']);
    expect(woken).toEqual(['a']);
  });

  test('is left to polling if it cannot be sent, and the next one is sent', async () => {
    const { notifications, asked, maySend } = heldNotifications();
    const log = new RecordingLog();
    const wakeUp = await DatabaseWakeUp.open(notifications, log);
    wakeUp.enqueued(['a']);
    await asked.next();
    wakeUp.enqueued(['b']);
    maySend.emit(new Error('the connection is gone'));
    expect(await asked.next()).toBe('b');
    expect(log.lines).toMatchObject([{ level: 'debug' }]);
  });

  test('is no longer heard once it is closed', async () => {
    const { notifications, listeners } = heldNotifications();
    const wakeUp = await DatabaseWakeUp.open(notifications);
    await wakeUp.close();
    expect(listeners.size).toBe(0);
  });
});
