import { describe, expect, test } from 'vitest';
import {
  openTestPostgres,
  testPostgresUrl,
  testSchema,
} from '../../../../../test/support/databases/databases.ts';
import { proxyPostgres } from '../../../../../test/support/databases/proxied-postgres.ts';
import { Signal } from '../../../../../test/support/signal.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import type { Database } from '../database.ts';

async function openListener(clock: FakeClock) {
  const { proxy, url } = await proxyPostgres();
  const schema = testSchema();
  const options = { schema, migrated: false };
  const db = await openTestPostgres({ ...options, url, clock });
  const sender = await openTestPostgres(options);
  return { db, sender, proxy };
}

/** Sends until it is heard: how long listening again takes is the database's business. */
async function sendUntilHeard(
  { clock, sender }: { readonly clock: FakeClock; readonly sender: Database },
  heard: Signal<string>,
): Promise<void> {
  while (heard.pending === 0) {
    clock.advance(60_000);
    await sender.notifications.notify('a', 'again');
  }
}

describe.skipIf(testPostgresUrl() === '')('listening', () => {
  test('is resumed after the connection was lost', async () => {
    const clock = new FakeClock();
    const { db, sender, proxy } = await openListener(clock);
    const heard = new Signal<string>();
    await db.notifications.listen('a', (text) => heard.emit(text));
    await sender.notifications.notify('a', 'first');
    expect(await heard.next()).toBe('first');
    proxy.cut();
    await sendUntilHeard({ clock, sender }, heard);
    expect(await heard.next()).toBe('again');
  });

  test('begins by itself if the server could not be reached at first', async () => {
    const clock = new FakeClock();
    const { db, sender, proxy } = await openListener(clock);
    const heard = new Signal<string>();
    proxy.accept(false);
    await db.notifications.listen('a', (text) => heard.emit(text));
    proxy.accept(true);
    await sendUntilHeard({ clock, sender }, heard);
    expect(await heard.next()).toBe('again');
  });

  test('on a channel whose name would be truncated is refused', async () => {
    const { db } = await openListener(new FakeClock());
    await expect(db.notifications.listen('x'.repeat(60), () => undefined)).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  test('ends with the database, also while it waits to connect again', async () => {
    const clock = new FakeClock();
    const { db, proxy } = await openListener(clock);
    await db.notifications.listen('a', () => undefined);
    proxy.accept(false);
    proxy.cut();
    await clock.untilSleepers(1);
    await db.close();
    expect(clock.sleepers).toBe(0);
  });
});
