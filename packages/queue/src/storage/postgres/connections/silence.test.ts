/** A server that says nothing any more: a proxy drops all that is sent, and closes nothing. */
import { describe, expect, test } from 'vitest';
import {
  openTestPostgres,
  testPostgresUrl,
} from '../../../../../../test/support/databases/databases.ts';
import { openThroughProxy } from '../../../../../../test/support/databases/proxied-postgres.ts';
import { Signal } from '../../../../../../test/support/signal.ts';
import { accounts, allAccounts } from '../../../../../../test/support/suites/suite-tables.ts';
import { int, text } from '../../column.ts';
import { sql } from '../../sql.ts';
import type { PostgresOptions } from '../open.ts';

const ada = { owner: 'ada', number: 1, balance: 100 };
const ONE = sql`SELECT 1 AS n`;
const ENDLESS = sql`SELECT pg_sleep(3600)::text AS slept`;

/** Statements time out soon. */
function openImpatiently(options: PostgresOptions = {}) {
  return openThroughProxy({ statementTimeoutMs: 100, ...options });
}

describe.skipIf(testPostgresUrl() === '')('a server that falls silent', () => {
  test('ends a single statement with an unknown outcome, and later ones work', async () => {
    const { db, proxy } = await openImpatiently();
    await db.statement(ONE, { n: int });
    proxy.fallSilent();
    await expect(db.statement(ONE, { n: int })).rejects.toMatchObject({ code: 'outcome-unknown' });
    proxy.speak();
    expect(await db.statement(ONE, { n: int })).toEqual([{ n: 1 }]);
  });

  test('makes a read unavailable', async () => {
    const { db, proxy } = await openImpatiently();
    const read = db.read(async (tx) => {
      await tx.query(ONE, { n: int });
      proxy.fallSilent();
      return await tx.query(ONE, { n: int });
    });
    await expect(read).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('nothing was heard of PostgreSQL'),
    });
  });

  test('in a write that has not committed makes it run again', async () => {
    const { db, outside, proxy } = await openImpatiently();
    let runs = 0;
    await db.write(async (tx) => {
      runs += 1;
      if (runs === 1) proxy.fallSilent();
      else proxy.speak();
      await tx.query(ONE, { n: int }).catch((error: unknown) => {
        proxy.speak();
        throw error;
      });
      await tx.insert(accounts, [ada]);
    });
    expect(runs).toBe(2);
    expect(await allAccounts(outside)).toHaveLength(1);
  });

  test('after a commit that was cut off leads to a new connection, as idle ones are silent', async () => {
    const { db, outside, proxy } = await openImpatiently({ statementTimeoutMs: 0 });
    const together = new Signal();
    await Promise.all([
      db.read(() => together.next()),
      db.read(async (tx) => {
        await tx.query(ONE, { n: int });
        together.emit();
      }),
    ]);
    const cut = proxy.cutAt('COMMIT', 'before').then(() => {
      proxy.fallSilent();
      proxy.speak();
    });
    await db.write((tx) => tx.insert(accounts, [ada]));
    await cut;
    expect(await allAccounts(outside)).toHaveLength(1);
  });

  test('makes all idle connections of the pool suspect, so that no call waits for the next dead one', async () => {
    const { db, proxy } = await openImpatiently({ statementTimeoutMs: 500 });
    const together = new Signal();
    let arrived = 0;
    const readers = Array.from({ length: 5 }, () =>
      db.read(async (tx) => {
        await tx.query(ONE, { n: int });
        arrived += 1;
        if (arrived === 5) for (let reader = 1; reader < 5; reader++) together.emit();
        else await together.next();
      }),
    );
    await Promise.all(readers);
    proxy.fallSilent();
    proxy.speak(); // the five stay silent, a new one works
    let failures = 0;
    for (let read = 0; read < 5; read++) {
      await db
        .read((tx) => tx.query(ONE, { n: int }))
        .catch(() => {
          failures += 1;
        });
    }
    expect(failures).toBe(1);
  });

  test('releases the locks of a write whose client is gone, as others wait for them', async () => {
    const { db, outside, proxy } = await openImpatiently();
    await outside.write((tx) => tx.insert(accounts, [ada]));
    const locked = sql`SELECT number FROM ${accounts} FOR UPDATE`;
    const given = new AbortController();
    const lost = db.write(
      async (tx) => {
        await tx.query(locked, { number: int });
        proxy.fallSilent();
        given.abort();
        await tx.query(ONE, { n: int });
      },
      { signal: given.signal },
    );
    await expect(lost).rejects.toMatchObject({ code: 'unavailable' });
    await outside.write((tx) => tx.query(locked, { number: int }));
  });

  test('does not keep the database from being closed if running calls are cut', async () => {
    const { db, proxy } = await openImpatiently({ statementTimeoutMs: 0 });
    const began = new Signal();
    const read = db.read(async (tx) => {
      await tx.query(ONE, { n: int });
      proxy.fallSilent();
      began.emit();
      await tx.query(ONE, { n: int });
    });
    const settled = expect(read).rejects.toMatchObject({ code: 'unavailable' });
    await began.next();
    const cut = new AbortController();
    const closed = db.close({ cut: cut.signal });
    cut.abort();
    await Promise.all([closed, settled]);
  });

  test('does not keep a database from being closed that was listened to and written to', async () => {
    const { db, proxy } = await openImpatiently({ statementTimeoutMs: 0 });
    const stopListening = await db.notifications.listen('news', () => undefined);
    await db.notifications.listen('weather', () => undefined);
    await db.write((tx) => tx.insert(accounts, [ada]));
    proxy.fallSilent();
    await stopListening();
    await db.close();
  });

  test('does not keep the database from being closed while it begins to listen', async () => {
    const { db, proxy } = await openImpatiently({ pool: { connectionTimeoutMillis: 0 } });
    proxy.fallSilent();
    const listening = db.notifications.listen('news', () => undefined);
    await db.close();
    await listening;
  });

  test('is noticed by a check of the schema sooner than by other statements', async () => {
    const { db, proxy } = await openImpatiently({ statementTimeoutMs: 0 });
    await db.migrate();
    proxy.fallSilent();
    await expect(db.checkSchema({ limitMs: 100 })).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('is noticed by a connection that only listens, which is then opened again', async () => {
    const { db, outside, proxy } = await openImpatiently({ probeEveryMs: 50 });
    const heard = new Signal<string>();
    await db.notifications.listen('news', (payload) => heard.emit(payload));
    proxy.fallSilent();
    proxy.speak();
    let isHeard = false;
    const news = heard.next().then(() => {
      isHeard = true;
    });
    while (!isHeard) {
      await outside.notifications.notify('news', 'hello');
      await outside.statement(sql`SELECT pg_sleep(0.05)::text AS slept`, { slept: text });
    }
    await news;
  });
});

describe.skipIf(testPostgresUrl() === '')('a statement that takes longer than the limit', () => {
  test('is ended by the server, and says what to do', async () => {
    const { db } = await openImpatiently();
    const read = db.read((tx) => tx.query(ENDLESS, { slept: text }));
    await expect(read).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('raise the limit'),
    });
    const running = sql`SELECT count(*) AS n FROM pg_stat_activity
      WHERE query LIKE ${'SELECT pg_sleep(3600)%'} AND state = ${'active'}`;
    expect(await db.read((tx) => tx.query(running, { n: int }))).toEqual([{ n: 0 }]);
  });

  test('of a stream applies to each page separately', async () => {
    const { db } = await openImpatiently({ statementTimeoutMs: 1_000 });
    const slowly = sql`SELECT n FROM generate_series(1, 300) AS n, pg_sleep(0.005)`;
    let count = 0;
    await db.read(async (tx) => {
      for await (const _ of tx.stream(slowly, { n: int })) count += 1;
    });
    expect(count).toBe(300);
  });

  test('in a migration may take as long as it needs', async () => {
    const db = await openTestPostgres({ statementTimeoutMs: 1, migrated: false });
    expect((await db.migrate()).length).toBeGreaterThan(0);
  });

  test('accepts only a whole number as its limit', async () => {
    await expect(openTestPostgres({ statementTimeoutMs: -1 })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});
