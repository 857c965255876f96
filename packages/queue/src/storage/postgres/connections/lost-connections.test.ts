/** What a lost connection does: a proxy between us and a real server cuts it where it hurts. */
import { describe, expect, test } from 'vitest';
import {
  testPostgresUrl,
  testSchema,
  withTestClient,
} from '../../../../../../test/support/databases/databases.ts';
import { openThroughProxy } from '../../../../../../test/support/databases/proxied-postgres.ts';
import { accounts, allAccounts } from '../../../../../../test/support/suites/suite-tables.ts';
import { forEachLimit } from '../../../foundations/concurrency.ts';
import { FakeClock } from '../../../testing/fake-clock.ts';
import { int } from '../../column.ts';
import { sql } from '../../sql.ts';

const ada = { owner: 'ada', number: 1, balance: 100 };

describe.skipIf(testPostgresUrl() === '')('a connection lost', () => {
  test('before the commit arrives: the transaction runs again, and lands once', async () => {
    const { db, outside, proxy } = await openThroughProxy();
    let runs = 0;
    const calls: number[] = [];
    const cut = proxy.cutAt('COMMIT', 'before');
    await db.write(async (tx) => {
      runs += 1;
      const run = runs;
      tx.afterCommit(() => void calls.push(run));
      await tx.insert(accounts, [ada]);
    });
    await cut;
    expect(runs).toBe(2);
    expect(calls).toEqual([2]);
    expect(await allAccounts(outside)).toHaveLength(1);
  });

  test('after the commit: it is found to have landed, and is not run again', async () => {
    const { db, outside, proxy } = await openThroughProxy();
    let runs = 0;
    const calls: string[] = [];
    const cut = proxy.cutAt('COMMIT', 'after');
    const answer = await db.write(async (tx) => {
      runs += 1;
      tx.afterCommit(() => void calls.push('called'));
      await tx.insert(accounts, [ada]);
      return 'answer';
    });
    await cut;
    expect([runs, answer, calls]).toEqual([1, 'answer', ['called']]);
    expect(await allAccounts(outside)).toHaveLength(1);
  });

  test('while the server notices nothing: the old transaction is ended, and runs again', async () => {
    const { db, outside, proxy } = await openThroughProxy();
    let runs = 0;
    const cut = proxy.cutAt('COMMIT', 'silent');
    await db.write(async (tx) => {
      runs += 1;
      await tx.insert(accounts, [ada]);
    });
    await cut;
    expect(runs).toBe(2);
    expect(await allAccounts(outside)).toHaveLength(1);
  });

  test('after the commit, and a server without it takes over: it runs again there', async () => {
    const { db, outside, proxy, schema } = await openThroughProxy({ maxConnections: 1 });
    await db.write((tx) => tx.insert(accounts, [{ ...ada, owner: 'bob' }]));
    let runs = 0;
    const cut = proxy.cutAt('COMMIT', 'after').then(() => proxy.accept(false));
    const write = db.write(async (tx) => {
      runs += 1;
      await tx.insert(accounts, [ada]);
    });
    await cut;
    expect(await allAccounts(outside)).toHaveLength(2);
    await withTestClient((client) =>
      client.query(`
        DELETE FROM "${schema}".suite_accounts WHERE owner = 'ada';
        UPDATE "${schema}".commit_marks SET number = number - 1`),
    );
    proxy.accept(true);
    await write;
    expect(runs).toBe(2);
    expect(await allAccounts(outside)).toHaveLength(2);
  });

  test('at the commit, without reconnecting: the outcome is unknown, and it is not run again', async () => {
    const clock = new FakeClock();
    const { db, outside, proxy } = await openThroughProxy({ clock });
    let runs = 0;
    const cut = proxy.cutAt('COMMIT', 'after').then(() => proxy.accept(false));
    const write = db.write(async (tx) => {
      runs += 1;
      await tx.insert(accounts, [ada]);
    });
    const settled = expect(write).rejects.toMatchObject({ code: 'outcome-unknown' });
    await cut;
    await clock.untilSleepers(1);
    clock.advance(60_000);
    await settled;
    expect(runs).toBe(1);
    expect(await allAccounts(outside)).toHaveLength(1);
  });

  test('at the commit, and the database is closed: the outcome is unknown, and asked for no more', async () => {
    const clock = new FakeClock();
    const { db, proxy } = await openThroughProxy({ clock });
    const cut = proxy.cutAt('COMMIT', 'after').then(() => proxy.accept(false));
    const write = db.write((tx) => tx.insert(accounts, [ada]));
    const settled = expect(write).rejects.toMatchObject({ code: 'outcome-unknown' });
    await cut;
    await clock.untilSleepers(1);
    await db.close();
    clock.advance(1_000);
    const asksAgain = clock.untilSleepers(1).then(() => 'asks again');
    expect(await Promise.race([settled.then(() => 'settled'), asksAgain])).toBe('settled');
  });

  test('never, but the commit is refused by a constraint: that error is thrown', async () => {
    const { db, schema } = await openThroughProxy();
    await withTestClient((client) =>
      client.query(`
        CREATE FUNCTION "${schema}".refuse() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN RAISE EXCEPTION 'the books do not balance'; END $$;
        CREATE CONSTRAINT TRIGGER balance AFTER INSERT ON "${schema}".suite_accounts
          DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "${schema}".refuse()`),
    );
    let runs = 0;
    const write = db.write(async (tx) => {
      runs += 1;
      await tx.insert(accounts, [ada]);
    });
    await expect(write).rejects.toThrow('the books do not balance');
    expect(runs).toBe(1);
  });

  test('among the writes: the transaction runs again', async () => {
    const { db, outside, proxy } = await openThroughProxy();
    const cut = proxy.cutAt('INSERT INTO', 'after');
    await db.write((tx) => tx.insert(accounts, [ada]));
    await cut;
    expect(await allAccounts(outside)).toHaveLength(1);
  });

  test('among the reads: the transaction runs again, although its error was wrapped', async () => {
    const { db, outside, proxy } = await openThroughProxy();
    const cut = proxy.cutAt('SELECT 77', 'before');
    await db.write(async (tx) => {
      await tx.query(sql`SELECT 77 AS n`, { n: int }).catch((cause: unknown) => {
        throw new Error('could not count', { cause });
      });
      await tx.insert(accounts, [ada]);
    });
    await cut;
    expect(await allAccounts(outside)).toHaveLength(1);
  });

  test('in the middle of a stream: the read is unavailable, and the next one works', async () => {
    const { db, proxy } = await openThroughProxy();
    const cut = proxy.cutAt('FETCH', 'before');
    const query = sql`SELECT n FROM generate_series(1, ${10_000}) AS n`;
    const read = db.read(async (tx) => {
      for await (const row of tx.stream(query, { n: int })) void row;
    });
    await expect(read).rejects.toMatchObject({ code: 'unavailable' });
    await cut;
    expect(await allAccounts(db)).toEqual([]);
  });

  test('in a statement of its own: the outcome is unknown', async () => {
    const { db, proxy } = await openThroughProxy();
    const cut = proxy.cutAt('SELECT 78', 'after');
    await expect(db.statement(sql`SELECT 78 AS n`, { n: int })).rejects.toMatchObject({
      code: 'outcome-unknown',
    });
    await cut;
    expect(await db.statement(sql`SELECT 79 AS n`, { n: int })).toEqual([{ n: 79 }]);
  });

  test('by the server, which ends all sessions: writes go on as if nothing had happened', async () => {
    const name = testSchema();
    const { db, outside } = await openThroughProxy({ pool: { application_name: name } });
    let hasEnded = false;
    const endAll = async (): Promise<void> => {
      if (hasEnded) return;
      hasEnded = true;
      const end =
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1';
      await withTestClient((client) => client.query(end, [name]));
    };
    const restless = Array.from({ length: 10 }, (_, number) =>
      db.write(async (tx) => {
        await tx.query(sql`SELECT 1 AS n`, { n: int });
        if (number === 5) await endAll();
        await tx.insert(accounts, [{ owner: 'bob', number, balance: 0 }]);
      }),
    );
    await Promise.all(restless);
    expect(await allAccounts(outside)).toHaveLength(10);
  });

  test('again and again, anywhere: each write that returned is there once, and no other', async () => {
    const { db, outside, proxy } = await openThroughProxy();
    await outside.write((tx) => tx.insert(accounts, [{ owner: 'count', number: 0, balance: 0 }]));
    const query = sql`SELECT balance FROM ${accounts} WHERE owner = ${'count'}`;
    let returned = 0;
    const write = async (number: number): Promise<void> => {
      await db.write(async (tx) => {
        const [row] = await tx.query(query, { balance: int });
        const balance = (row?.balance ?? 0) + 1;
        await tx.update(accounts, [{ owner: 'count', number: 0, balance }]);
        await tx.insert(accounts, [{ owner: 'ada', number, balance }]);
      });
      returned += 1;
      if (returned % 7 === 0) proxy.cut();
    };
    const numbers = Array.from({ length: 60 }, (_, number) => number);
    await forEachLimit(numbers, 3, write);
    const rows = await allAccounts(outside);
    const count = rows.find(({ owner }) => owner === 'count')?.balance;
    expect(count).toBe(60);
    const balances = rows.filter(({ owner }) => owner === 'ada').map(({ balance }) => balance);
    expect(balances.sort((a, b) => a - b)).toEqual(numbers.map((number) => number + 1));
  });
});

describe.skipIf(testPostgresUrl() === '')('a server that cannot be reached', () => {
  test('makes a write unavailable, after some tries', async () => {
    const clock = new FakeClock();
    const { db, proxy } = await openThroughProxy({ clock });
    proxy.accept(false);
    const write = db.write((tx) => tx.insert(accounts, [ada]));
    const settled = expect(write).rejects.toMatchObject({ code: 'unavailable' });
    await clock.untilSleepers(1);
    clock.advance(60_000);
    await settled;
  });

  test('is retried even if the clock is set forward meanwhile', async () => {
    const clock = new FakeClock();
    const { db, outside, proxy } = await openThroughProxy({ clock });
    proxy.accept(false);
    const write = db.write((tx) => tx.insert(accounts, [ada]));
    await clock.untilSleepers(1);
    clock.set(clock.now() + 3_600_000);
    clock.advance(1_000);
    await Promise.race([write, clock.untilSleepers(1)]);
    proxy.accept(true);
    clock.advance(1_000);
    await write;
    expect(await allAccounts(outside)).toHaveLength(1);
  });

  test('is not tried again once the signal aborts', async () => {
    const { db, proxy } = await openThroughProxy({ clock: new FakeClock() });
    proxy.accept(false);
    const write = db.write((tx) => tx.insert(accounts, [ada]), { signal: AbortSignal.abort() });
    await expect(write).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('makes reads and statements unavailable, since neither can have begun', async () => {
    const { db, proxy } = await openThroughProxy();
    proxy.accept(false);
    await expect(db.read(async () => undefined)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(db.statement(sql`SELECT 1 AS n`, { n: int })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });
});
