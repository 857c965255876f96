/** What the network and the server do to commits, and what becomes of these. */
import { describe, expect, test } from 'vitest';
import { testSpannerHost } from '../../../../../../test/support/databases/databases.ts';
import { GRPC } from '../../../../../../test/support/spanner/grpc-messages.ts';
import type { Ending, Fault } from '../../../../../../test/support/spanner/proxied-call.ts';
import {
  ADA,
  increment,
  leapingClock,
  onEach,
  onOne,
  openFaultWorld,
  SESSION_LOST,
  UNAVAILABLE,
} from '../../../../../../test/support/spanner/spanner-fault-world.ts';
import { accounts, allAccounts } from '../../../../../../test/support/suites/suite-tables.ts';

const answerLost = (ending: Ending): Fault => ({ moment: 'after', ending });
const neverArrived = (ending: Ending): Fault => ({ moment: 'before', ending });

describe.skipIf(testSpannerHost() === '')('a commit on the emulator', () => {
  test.each<[string, Ending]>([
    ['unavailable', UNAVAILABLE],
    ['past its deadline', { status: GRPC.deadlineExceeded }],
    ['cancelled', { status: GRPC.cancelled }],
    ['the reset of its stream', 'stream-reset'],
    ['the loss of its connection', 'connection-lost'],
  ])('that landed though its answer was %s lands once', async (_, ending) => {
    const { direct, database, calls } = await openFaultWorld(onOne('Commit', answerLost(ending)));
    let runs = 0;
    await database.write(async (tx) => {
      runs += 1;
      await increment(tx);
    });
    expect(runs).toBe(1);
    expect(calls.get('Commit')).toBe(2);
    expect(await allAccounts(direct)).toMatchObject([{ balance: 1 }]);
  });

  test('that landed although its answer came too late lands once', async () => {
    // The client's own deadline, in real time; a slow machine may pass it once more.
    const { direct, database, calls } = await openFaultWorld(
      onOne('Commit', answerLost('silence')),
      { commitTimeoutMs: 500 },
    );
    await database.write(increment);
    expect(calls.get('Commit')).toBeGreaterThanOrEqual(2);
    expect(calls.get('ExecuteStreamingSql')).toBe(1);
    expect(await allAccounts(direct)).toMatchObject([{ balance: 1 }]);
  });

  test('of inserted rows that landed unnoticed is not already-exists', async () => {
    const faults = onOne('Commit', answerLost(UNAVAILABLE));
    const { direct, database } = await openFaultWorld(faults);
    await database.write((tx) => tx.insert(accounts, [ADA]));
    expect(await allAccounts(direct)).toHaveLength(1);
  });

  test.each<[string, Ending]>([
    ['for want of a server', UNAVAILABLE],
    ['as its stream was reset', 'stream-reset'],
    ['as its connection was lost', 'connection-lost'],
  ])('that never arrived %s is sent again', async (_, ending) => {
    const { direct, database, calls } = await openFaultWorld(onOne('Commit', neverArrived(ending)));
    await database.write(increment);
    expect(calls.get('ExecuteStreamingSql')).toBe(1);
    expect(calls.get('Commit')).toBe(2);
    expect(await allAccounts(direct)).toMatchObject([{ balance: 1 }]);
  });

  test('whose session is deleted before it arrives is run again in another', async () => {
    const { direct, database, calls } = await openFaultWorld(onOne('Commit', SESSION_LOST));
    await database.write(increment);
    expect(calls.get('CreateSession')).toBe(2);
    expect(await allAccounts(direct)).toMatchObject([{ balance: 1 }]);
  });

  test('whose outcome cannot be determined is outcome-unknown within half a minute', async () => {
    const clock = leapingClock();
    const startedAt = clock.now();
    const faults = onEach('Commit', answerLost(UNAVAILABLE));
    const { direct, database, calls } = await openFaultWorld(faults, { clock });
    const called: string[] = [];
    const write = database.write(async (tx) => {
      tx.afterCommit(() => void called.push('called'));
      await increment(tx);
    });
    await expect(write).rejects.toMatchObject({ code: 'outcome-unknown' });
    expect(clock.now() - startedAt).toBeLessThan(32_000);
    expect(calls.get('Commit')).toBeLessThan(200);
    expect(calls.get('ExecuteStreamingSql')).toBe(1);
    expect(called).toEqual([]);
    expect(await allAccounts(direct)).toMatchObject([{ balance: 1 }]);
  });

  test('whose session vanished after its answer was lost is outcome-unknown', async () => {
    const { direct, database, calls } = await openFaultWorld(
      onEach('Commit', (call) => (call.nth === 0 ? answerLost(UNAVAILABLE) : SESSION_LOST)),
    );
    await expect(database.write(increment)).rejects.toMatchObject({ code: 'outcome-unknown' });
    expect(calls.get('Commit')).toBe(2);
    expect(await allAccounts(direct)).toMatchObject([{ balance: 1 }]);
  });
});
