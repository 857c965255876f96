/** What the network and the server do to transactions, and what becomes of these. */
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Clock } from '../../clock.ts';
import { seededRandom } from '../../random.ts';
import { openTestSpanner, testSchema, testSpannerHost } from '../../testing/databases.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { type Faults, GRPC, openFaultySpanner } from '../../testing/faulty-spanner.ts';
import { testDatabaseUrl } from '../../testing/spanner-admin.ts';
import { accounts, allAccounts } from '../../testing/suite-tables.ts';
import { createSpannerSuiteTables } from '../../testing/suite-tables-spanner.ts';
import { int } from '../column.ts';
import type { Transaction } from '../database.ts';
import { sql } from '../sql.ts';

const ada = { owner: 'ada', number: 1, balance: 1 };

/** A database, and the same one behind a network with faults. */
async function openPair(faults: Faults, clock?: Clock) {
  const schema = testSchema();
  const direct = await openTestSpanner({ schema, migrated: false });
  await createSpannerSuiteTables(direct, schema);
  const { database, calls } = await openFaultySpanner({
    ...{ url: testDatabaseUrl(schema), emulatorHost: testSpannerHost(), faults },
    ...(clock ? { clock } : {}),
  });
  onTestFinished(() => database.close());
  return { direct, database, calls };
}

async function increment(tx: Transaction): Promise<void> {
  const query = sql`SELECT balance FROM ${accounts} WHERE owner = ${'ada'}`;
  const [row] = await tx.query(query, { balance: int });
  await tx.upsert(accounts, [{ ...ada, balance: (row?.balance ?? 0) + 1 }]);
}

/** Time that passes only where somebody sleeps. */
function leapingClock(): Clock {
  const clock = new FakeClock();
  return {
    now: () => clock.now(),
    sleep: async (ms) => clock.advance(ms),
  };
}

const onlyFirst =
  (wanted: string, moment: 'before' | 'after', code: number): Faults =>
  (method, nth) =>
    method === wanted && nth === 0 ? { moment, code } : undefined;

describe.skipIf(testSpannerHost() === '')('on the emulator', () => {
  describe('a commit', () => {
    test.each([
      ['unavailable', GRPC.unavailable],
      ['past its deadline', GRPC.deadlineExceeded],
    ])('that landed though its answer was %s lands once', async (_, code) => {
      const { direct, database, calls } = await openPair(onlyFirst('commit', 'after', code));
      let runs = 0;
      await database.write(async (tx) => {
        runs += 1;
        await increment(tx);
      });
      expect(runs).toBe(1);
      expect(calls.get('commit')).toBe(2);
      expect(await allAccounts(direct)).toMatchObject([{ balance: 1 }]);
    });

    test('of inserted rows that landed unseen is no already-exists', async () => {
      const { direct, database } = await openPair(onlyFirst('commit', 'after', GRPC.unavailable));
      await database.write((tx) => tx.insert(accounts, [ada]));
      expect(await allAccounts(direct)).toHaveLength(1);
    });

    test('that never arrived is sent again', async () => {
      const { direct, database } = await openPair(onlyFirst('commit', 'before', GRPC.unavailable));
      await database.write(increment);
      expect(await allAccounts(direct)).toMatchObject([{ balance: 1 }]);
    });

    test('whose session is lost before it was sent is run again in another', async () => {
      const { direct, database, calls } = await openPair((method, nth) =>
        method === 'commit' && nth === 0
          ? { moment: 'before', code: GRPC.notFound, message: 'Session not found: s' }
          : undefined,
      );
      await database.write(increment);
      expect(calls.get('createSession')).toBe(2);
      expect(await allAccounts(direct)).toMatchObject([{ balance: 1 }]);
    });

    test('whose outcome cannot be learnt is outcome-unknown, within half a minute', async () => {
      const clock = leapingClock();
      const startedAt = clock.now();
      const { database } = await openPair(
        (method) => (method === 'commit' ? { moment: 'after', code: GRPC.unavailable } : undefined),
        clock,
      );
      const calls: string[] = [];
      const write = database.write(async (tx) => {
        tx.afterCommit(() => void calls.push('called'));
        await increment(tx);
      });
      await expect(write).rejects.toMatchObject({ code: 'outcome-unknown' });
      expect(clock.now() - startedAt).toBeLessThan(32_000);
      expect(calls).toEqual([]);
    });

    test('whose session vanished after its answer was lost is outcome-unknown', async () => {
      const { database } = await openPair((method, nth) => {
        if (method !== 'commit') return undefined;
        if (nth === 0) return { moment: 'after', code: GRPC.unavailable };
        return { moment: 'before', code: GRPC.notFound, message: 'Session not found: s' };
      });
      await expect(database.write(increment)).rejects.toMatchObject({ code: 'outcome-unknown' });
    });
  });

  describe('a transaction', () => {
    test('that Spanner aborts again and again is a conflict in the end, after bounded time', async () => {
      const clock = leapingClock();
      const startedAt = clock.now();
      const aborted: Faults = (method) =>
        method === 'commit' ? { moment: 'before', code: GRPC.aborted } : undefined;
      const { direct, database } = await openPair(aborted, clock);
      await expect(database.write(increment)).rejects.toMatchObject({ code: 'conflict' });
      expect(clock.now() - startedAt).toBeLessThanOrEqual(30_000);
      expect(await allAccounts(direct)).toEqual([]);
    });

    test('whose retries are called off is aborted once', async () => {
      const stop = new AbortController();
      const { database, calls } = await openPair((method) => {
        if (method !== 'commit') return undefined;
        stop.abort();
        return { moment: 'before', code: GRPC.aborted };
      });
      const write = database.write(increment, { signal: stop.signal });
      await expect(write).rejects.toMatchObject({ code: 'conflict' });
      expect(calls.get('commit')).toBe(1);
    });

    test('whose read breaks off is run again', async () => {
      for (const moment of ['before', 'after'] as const) {
        const faults = onlyFirst('executeStreamingSql', moment, GRPC.unavailable);
        const { direct, database } = await openPair(faults);
        await database.write(increment);
        expect(await allAccounts(direct)).toMatchObject([{ balance: 1 }]);
      }
    });

    test('none of many is lost or doubled where a third of all calls fail', async () => {
      const seed = Math.trunc(performance.now() * 1000);
      const random = seededRandom(seed);
      const landed = new Set<string>();
      const faults: Faults = (method, _nth, request) => {
        if (method !== 'commit' && method !== 'executeStreamingSql') return undefined;
        if (random() > 0.3) return undefined;
        const id = 'transactionId' in request ? String(request.transactionId) : '';
        const moment = random() < 0.5 ? 'before' : 'after';
        if (moment === 'after') landed.add(id);
        // Spanner never says so of a transaction that it has committed.
        const isAborted = moment === 'before' && !landed.has(id) && random() < 0.5;
        return { moment, code: isAborted ? GRPC.aborted : GRPC.unavailable };
      };
      const { direct, database } = await openPair(faults);
      await Promise.all(Array.from({ length: 25 }, () => database.write(increment)));
      expect(await allAccounts(direct), `seed ${seed}`).toMatchObject([{ balance: 25 }]);
    });
  });

  describe('a read', () => {
    const count = sql`SELECT COUNT(*) AS count FROM ${accounts}`;

    test('in a session that was deleted takes another', async () => {
      const { database, calls } = await openPair((method, nth) =>
        method === 'executeStreamingSql' && nth === 1
          ? { moment: 'before', code: GRPC.notFound, message: 'Session not found: s' }
          : undefined,
      );
      const read = () => database.read((tx) => tx.query(count, { count: int }));
      expect(await read()).toEqual([{ count: 0 }]);
      expect(await read()).toEqual([{ count: 0 }]);
      expect(calls.get('createSession')).toBe(2);
    });

    test('that breaks off is unavailable', async () => {
      const { database } = await openPair(
        onlyFirst('executeStreamingSql', 'after', GRPC.unavailable),
      );
      const read = database.read((tx) => tx.query(count, { count: int }));
      await expect(read).rejects.toMatchObject({ code: 'unavailable' });
    });
  });

  test('a transaction without reads or writes makes no call', async () => {
    const { database, calls } = await openPair(() => undefined);
    await database.write(async () => undefined);
    await database.read(async () => undefined);
    expect([...calls.keys()]).toEqual(['createSession']);
  });
});
