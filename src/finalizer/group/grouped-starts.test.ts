/** Owners that finalize at the same time: they share transactions, and nothing else. */
import { CodedError } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { forEachCrash } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import { SqliteDatabase } from '../../../test/support/databases/sqlite-database.ts';
import { violationsOf } from '../../../test/support/invocations/finalization-violations.ts';
import {
  FINALIZATION_TABLES,
  FinalizationWorld,
} from '../../../test/support/invocations/finalization-world.ts';
import { invocationId } from '../../../test/support/invocations/fixtures.ts';
import { withMembers } from '../../../test/support/with-members.ts';
import type { InvocationId } from '../../invocations/id.ts';
import { GroupedStarts } from './grouped-starts.ts';

const IDS = ['a', 'b', 'c', 'd', 'e'].map(invocationId);
const [A = invocationId('a'), B = A] = IDS;

async function openWorld(db: Database) {
  const world = new FinalizationWorld(db);
  await world.create(IDS);
  return world;
}

/** Counts the transactions, and has those fail that `failIf` says, by how many began before. */
function watched(db: Database, failIf: (begun: number) => boolean = () => false) {
  const counts = { begun: 0, committed: 0 };
  const write: Database['write'] = async (fn, options) => {
    counts.begun += 1;
    if (failIf(counts.begun)) throw new CodedError('conflict', 'another transaction won');
    const value = await db.write(fn, options);
    counts.committed += 1;
    return value;
  };
  return { db: withMembers(db, { write }), counts };
}

const startsOn = (world: FinalizationWorld, db: Database): GroupedStarts =>
  new GroupedStarts({ db, finalizer: world.parts });

async function statesOf(world: FinalizationWorld): Promise<Record<string, string>> {
  const { nodes } = await world.snapshot();
  return Object.fromEntries([...nodes].map(([id, { state }]) => [id, state]));
}

eachDatabase((open) => {
  test('calls that come together share a commit, and each is answered for itself', async () => {
    const world = await openWorld(await open());
    await world.include(A, IDS.slice(1, 4));
    await world.start(B);
    const { db, counts } = watched(world.db);
    const starts = startsOn(world, db);
    const names: InvocationId[] = [A, B, A, invocationId('none'), invocationId('c')];
    const calls = await Promise.allSettled(names.map((id) => starts.start(id)));
    expect(counts.committed).toBe(1);
    expect(calls).toMatchObject([
      { value: { invocation: { id: A, state: 'FINALIZING' }, included: IDS.slice(1, 4) } },
      { value: { invocation: { id: B, state: 'FINALIZING' }, included: [] } },
      { value: { invocation: { id: A, state: 'FINALIZING' } } },
      { reason: { code: 'not-found' } },
      { value: { invocation: { id: 'c', state: 'FINALIZING' }, included: [] } },
    ]);
    expect((await world.tries()).map(({ id }) => id).toSorted()).toEqual(['a', 'b', 'c']);
    expect(violationsOf(await world.snapshot())).toEqual([]);
  });
});

async function onSqlite(check: (world: FinalizationWorld) => Promise<void>): Promise<void> {
  const db = new SqliteDatabase(FINALIZATION_TABLES);
  await check(await openWorld(db));
  await db.close();
}

test('calls gather while others commit', async () => {
  await onSqlite(async (world) => {
    const late: Promise<unknown>[] = [];
    const { db, counts } = watched(world.db, (begun) => {
      if (begun === 1) late.push(...IDS.slice(1).map((id) => starts.start(id)));
      return false;
    });
    const starts = startsOn(world, db);
    await starts.start(A);
    await Promise.all(late);
    expect(counts.committed).toBe(2);
  });
});

test('if a transaction of several fails, each call gets one of its own', async () => {
  await onSqlite(async (world) => {
    const { db, counts } = watched(world.db, (begun) => begun === 1 || begun === 3);
    const starts = startsOn(world, db);
    const calls = await Promise.allSettled(IDS.map((id) => starts.start(id)));
    expect(calls.map(({ status }) => status).toSorted()).toEqual([
      ...Array.from({ length: 4 }, () => 'fulfilled'),
      'rejected',
    ]);
    expect(counts).toEqual({ begun: 6, committed: 4 });
    const states = Object.values(await statesOf(world)).toSorted();
    expect(states).toEqual(['ACTIVE', ...Array.from({ length: 4 }, () => 'FINALIZING')]);
  });
});

test('a caller that has left finalizes nothing, and the others are not in its way', async () => {
  await onSqlite(async (world) => {
    const starts = startsOn(world, world.db);
    const left = starts.start(A, AbortSignal.abort(new Error('the caller has left')));
    const stayed = starts.start(B);
    await expect(left).rejects.toThrow('the caller has left');
    expect(await stayed).toMatchObject({ invocation: { state: 'FINALIZING' } });
    expect(await statesOf(world)).toMatchObject({ a: 'ACTIVE', b: 'FINALIZING' });
  });
});

test('a crash at any step leaves all that were called together, or none', async () => {
  const steps = await forEachCrash(async (faults) => {
    await onSqlite(async (world) => {
      const starts = startsOn(world, faults.wrap(world.db));
      await faults.run(() => Promise.all(IDS.map((id) => starts.start(id))));
      const snapshot = await world.snapshot();
      expect(violationsOf(snapshot)).toEqual([]);
      expect([0, IDS.length]).toContain(snapshot.tries.length);
      const again = startsOn(world, world.db);
      await Promise.all(IDS.map((id) => again.start(id)));
      expect((await world.snapshot()).tries).toHaveLength(IDS.length);
    });
  });
  expect(steps).toBeGreaterThan(4);
});
