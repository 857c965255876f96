import { describe, expect, test } from 'vitest';
import { Signal } from '../signal.ts';
import type { OpenSuiteDatabase } from './suite-tables.ts';

export function testNotifications(open: OpenSuiteDatabase): void {
  describe('notifications', () => {
    test('reach all listeners of the channel, and none of another', async () => {
      const db = await open();
      const heard = [new Signal<string>(), new Signal<string>()];
      const elsewhere = new Signal<string>();
      for (const signal of heard) await db.notifications.listen('a', (text) => signal.emit(text));
      await db.notifications.listen('b', (text) => elsewhere.emit(text));
      await db.notifications.notify('a', 'one, "quoted" – ü');
      await db.notifications.notify('b', 'two');
      for (const signal of heard) expect(await signal.next()).toBe('one, "quoted" – ü');
      expect(await elsewhere.next()).toBe('two');
      expect(elsewhere.pending).toBe(0);
    });

    test('end for one listener alone when it stops', async () => {
      const db = await open();
      const stopped = new Signal<string>();
      const kept = new Signal<string>();
      const stop = await db.notifications.listen('a', (text) => stopped.emit(text));
      await db.notifications.listen('a', (text) => kept.emit(text));
      await stop();
      await stop();
      await db.notifications.notify('a', 'x');
      expect(await kept.next()).toBe('x');
      expect(stopped.pending).toBe(0);
    });

    test('do not reach other schemas', async () => {
      const [one, other] = [await open(), await open()];
      const heard = new Signal<string>();
      await one.notifications.listen('a', (text) => heard.emit(text));
      await other.notifications.notify('a', 'from the other');
      await one.notifications.notify('a', 'from the same');
      expect(await heard.next()).toBe('from the same');
    });

    test('still reach the other listeners if one throws', async () => {
      const db = await open();
      const heard = new Signal<string>();
      await db.notifications.listen('a', () => {
        throw new Error('a bug of a listener');
      });
      await db.notifications.listen('a', (text) => heard.emit(text));
      await db.notifications.notify('a', 'x');
      expect(await heard.next()).toBe('x');
    });

    test('longer than the limit are refused', async () => {
      const db = await open();
      await expect(db.notifications.notify('a', 'x'.repeat(7001))).rejects.toMatchObject({
        code: 'invalid-argument',
      });
    });
  });
}
