/** What the network and the server do to transactions and reads, and what becomes of these. */
import { describe, expect, test } from 'vitest';
import { testSpannerHost } from '../../../../../test/support/databases/databases.ts';
import type { Ending } from '../../../../../test/support/spanner/proxied-call.ts';
import {
  ABORTED,
  ADA,
  increment,
  leapingClock,
  onEach,
  onOne,
  openFaultWorld,
  SESSION_LOST,
  UNAVAILABLE,
} from '../../../../../test/support/spanner/spanner-fault-world.ts';
import type { SpannerFaults } from '../../../../../test/support/spanner/spanner-proxy.ts';
import { insist, randomFaults } from '../../../../../test/support/spanner/spanner-random-faults.ts';
import { accounts, allAccounts } from '../../../../../test/support/suites/suite-tables.ts';
import { randomInt, seededRandom, systemRandom } from '../../foundations/random.ts';
import { int } from '../column.ts';
import { sql } from '../sql.ts';

const COUNT = sql`SELECT COUNT(*) AS count FROM ${accounts}`;

describe.skipIf(testSpannerHost() === '')('on the emulator', () => {
  describe('a transaction', () => {
    test('that Spanner keeps aborting fails with a conflict after a bounded time', async () => {
      const clock = leapingClock();
      const startedAt = clock.now();
      const faults = onEach('Commit', ABORTED);
      const { direct, database, calls } = await openFaultWorld(faults, { clock });
      await expect(database.write(increment)).rejects.toMatchObject({ code: 'conflict' });
      expect(clock.now() - startedAt).toBeLessThanOrEqual(30_000);
      expect(calls.get('Commit')).toBeLessThanOrEqual(200);
      await direct.write(increment); // nothing is left that would block others
      expect(await allAccounts(direct)).toMatchObject([{ balance: 1 }]);
    });

    test('that is aborted waits for as long as Spanner asks', async () => {
      const clock = leapingClock();
      const startedAt = clock.now();
      const faults = onOne('Commit', { ...ABORTED, retryMs: 1_500 });
      const { direct, database } = await openFaultWorld(faults, { clock });
      await database.write(increment);
      expect(clock.now() - startedAt).toBeGreaterThanOrEqual(1_500);
      expect(await allAccounts(direct)).toMatchObject([{ balance: 1 }]);
    });

    test('whose retries are cancelled is aborted once', async () => {
      const stop = new AbortController();
      const { database, calls } = await openFaultWorld(
        onEach('Commit', () => {
          stop.abort();
          return ABORTED;
        }),
      );
      const write = database.write(increment, { signal: stop.signal });
      await expect(write).rejects.toMatchObject({ code: 'conflict' });
      expect(calls.get('Commit')).toBe(1);
    });

    test.each<[string, Ending]>([
      ['by a status', UNAVAILABLE],
      ['by a reset', 'stream-reset'],
      ['with its connection', 'connection-lost'],
    ])('whose read breaks off %s is run again', async (_, ending) => {
      const moments = [
        { moment: 'before' },
        { moment: 'after' },
        { moment: 'after', messages: 1 },
      ] as const;
      for (const fault of moments) {
        const faults = onOne('ExecuteStreamingSql', { ...fault, ending });
        const { direct, database, calls } = await openFaultWorld(faults);
        await database.write(increment);
        expect(calls.get('ExecuteStreamingSql')).toBe(2);
        expect(await allAccounts(direct)).toMatchObject([{ balance: 1 }]);
      }
    });

    test('whose idle session has been deleted uses another', async () => {
      const faults = onOne('ExecuteStreamingSql', SESSION_LOST, 1);
      const { direct, database, calls } = await openFaultWorld(faults);
      await database.write(increment);
      await database.write(increment);
      expect(calls.get('CreateSession')).toBe(2);
      expect(await allAccounts(direct)).toMatchObject([{ balance: 2 }]);
    });

    test('whose session is deleted between two of its reads is run again in another', async () => {
      const faults = onOne('ExecuteStreamingSql', SESSION_LOST, 1);
      const { direct, database, calls } = await openFaultWorld(faults);
      await database.write(async (tx) => {
        await tx.query(COUNT, { count: int });
        await increment(tx);
      });
      expect(calls.get('CreateSession')).toBe(2);
      expect(calls.get('ExecuteStreamingSql')).toBe(4);
      expect(await allAccounts(direct)).toMatchObject([{ balance: 1 }]);
    });

    test.each<[string, SpannerFaults]>([
      [
        'before it has a session',
        onOne('CreateSession', { moment: 'before', ending: UNAVAILABLE }),
      ],
      ['while it begins', onOne('BeginTransaction', { moment: 'after', ending: UNAVAILABLE })],
    ])('that meets a broken network %s goes on', async (_, faults) => {
      const { direct, database } = await openFaultWorld(faults);
      await database.write((tx) => tx.insert(accounts, [{ owner: 'a', number: 1, balance: 1 }]));
      expect(await allAccounts(direct)).toHaveLength(1);
    });

    test('none of many is lost or doubled if 30 % of commits are aborted', async () => {
      const seed = randomInt(systemRandom, 1_000_000_000);
      const random = seededRandom(seed);
      const { direct, database } = await openFaultWorld(
        onEach('Commit', () => (random() < 0.3 ? ABORTED : undefined)),
      );
      await Promise.all(Array.from({ length: 25 }, () => database.write(increment)));
      expect(await allAccounts(direct), `seed ${seed}`).toMatchObject([{ balance: 25 }]);
    });

    test('none of many is lost or doubled if a third of all calls fail', async () => {
      const seed = randomInt(systemRandom, 1_000_000_000);
      const { direct, database } = await openFaultWorld(randomFaults(seededRandom(seed), 1 / 3));
      const write = () => insist(() => database.write(increment));
      await Promise.all(Array.from({ length: 25 }, write));
      expect(await allAccounts(direct), `seed ${seed}`).toMatchObject([{ balance: 25 }]);
    });
  });

  describe('a read', () => {
    test('in a session that was deleted uses another', async () => {
      const faults = onOne('ExecuteStreamingSql', SESSION_LOST, 1);
      const { database, calls } = await openFaultWorld(faults);
      const read = () => database.read((tx) => tx.query(COUNT, { count: int }));
      expect(await read()).toEqual([{ count: 0 }]);
      expect(await read()).toEqual([{ count: 0 }]);
      expect(calls.get('CreateSession')).toBe(2);
    });

    test('in a session that is deleted between two queries is unavailable', async () => {
      const faults = onOne('ExecuteStreamingSql', SESSION_LOST, 1);
      const { database } = await openFaultWorld(faults);
      const read = database.read(async (tx) => {
        await tx.query(COUNT, { count: int });
        await tx.query(COUNT, { count: int });
      });
      await expect(read).rejects.toMatchObject({ code: 'unavailable' });
      expect(await database.read((tx) => tx.query(COUNT, { count: int }))).toEqual([{ count: 0 }]);
    });

    test.each<[string, Ending]>([
      ['by a status', UNAVAILABLE],
      ['by a reset', 'stream-reset'],
      ['with its connection', 'connection-lost'],
    ])('that breaks off %s begins again', async (_, ending) => {
      const moments = [{ moment: 'before' }, { moment: 'after' }] as const;
      for (const fault of moments) {
        const faults = onOne('ExecuteStreamingSql', { ...fault, ending });
        const { database, calls } = await openFaultWorld(faults);
        let runs = 0;
        const read = database.read((tx) => {
          runs += 1;
          return tx.query(COUNT, { count: int });
        });
        expect(await read).toEqual([{ count: 0 }]);
        expect(calls.get('ExecuteStreamingSql')).toBe(2);
        expect(runs).toBe(1);
      }
    });

    test('that keeps breaking off is unavailable after six attempts', async () => {
      const fault = { moment: 'after', messages: 1, ending: UNAVAILABLE } as const;
      const clock = leapingClock();
      const faults = onEach('ExecuteStreamingSql', fault);
      const { database, calls } = await openFaultWorld(faults, { clock });
      const read = database.read((tx) => tx.query(COUNT, { count: int }));
      await expect(read).rejects.toMatchObject({ code: 'unavailable' });
      expect(calls.get('ExecuteStreamingSql')).toBe(6);
    });

    test('of keys that breaks off begins again', async () => {
      const faults = onOne('StreamingRead', { moment: 'after', ending: UNAVAILABLE });
      const { direct, database, calls } = await openFaultWorld(faults);
      await direct.write((tx) => tx.insert(accounts, [ADA]));
      const keys = [{ owner: ADA.owner, number: ADA.number }];
      const read = database.read((tx) => tx.readKeys(accounts, keys, { balance: int }));
      expect(await read).toEqual([{ balance: 1 }]);
      expect(calls.get('StreamingRead')).toBe(2);
    });
  });

  test('a transaction without reads or writes makes no call', async () => {
    const { database, calls } = await openFaultWorld(() => undefined);
    await database.write(async () => undefined);
    await database.read(async () => undefined);
    expect([...calls.keys()]).toEqual(['CreateSession']);
  });
});
