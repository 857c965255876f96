import type { Database } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import {
  eachDatabase,
  openTestPostgres,
  testPostgresUrl,
  withTestClient,
} from '../../test/support/databases/databases.ts';
import { FinalizationWorld } from '../../test/support/invocations/finalization-world.ts';
import {
  invocationId,
  newInvocation,
  newTestResult,
} from '../../test/support/invocations/fixtures.ts';
import { Signal } from '../../test/support/signal.ts';
import { tryFinalize } from '../finalizer/finalizer.ts';
import { startFinalization } from '../finalizer/schedule.ts';
import { recordTestResults, testResultsPage } from '../results/test-results.ts';
import { toRowOrder } from './id.ts';
import {
  insertInvocations,
  listInvocations,
  readInvocation,
  readInvocations,
  requireActive,
  requireInvocation,
  updateInvocation,
} from './invocations.ts';

const [A, B, C] = [invocationId('a'), invocationId('b'), invocationId('c')];

async function insert(db: Database, ...ids: readonly string[]): Promise<void> {
  await db.write((tx) =>
    insertInvocations(
      tx,
      ids.map((id) => newInvocation(id)),
    ),
  );
}

eachDatabase((open) => {
  test('returns everything that an invocation was created with', async () => {
    const db = await open();
    const created = newInvocation('a', {
      createRequestId: 'request',
      expectedResultsExpirationTime: 1_800_000_000_000,
      tags: [
        { key: 'k', value: 'b\n:c' },
        { key: 'k', value: 'a' },
      ],
      producerResource: '//builds.example.org/1',
      bigqueryExports: [new Uint8Array([0, 255]), new Uint8Array()],
      historyOptions: new Uint8Array([1]),
      properties: new Uint8Array([2]),
      endsAt: 1_767_000_000_000,
      heartbeatTime: 1_766_000_000_000,
      lostAfterMs: 1000,
      recorder: 'process',
      isExpected: true,
      attempt: 3,
    });
    await db.write((tx) => insertInvocations(tx, [created]));
    expect(await db.read((reader) => readInvocation(reader, A))).toEqual({
      ...created,
      state: 'ACTIVE',
      tags: [
        { key: 'k', value: 'a' },
        { key: 'k', value: 'b\n:c' },
      ],
      finalizeStartTime: undefined,
      finalizeTime: undefined,
      endedBy: undefined,
      endReason: undefined,
      lastAttempt: 3,
    });
  });

  test('refuses a second invocation with the same id, and the whole batch with it', async () => {
    const db = await open();
    await insert(db, 'a');
    await expect(insert(db, 'b', 'a')).rejects.toMatchObject({ code: 'already-exists' });
    expect(await db.read((reader) => readInvocation(reader, B))).toBeUndefined();
  });

  test('reads many at once, and leaves out those that do not exist', async () => {
    const db = await open();
    await insert(db, 'a', 'b');
    const found = await db.read((reader) => readInvocations(reader, [C, B, A, B]));
    expect([...found.keys()].sort()).toEqual(['a', 'b']);
  });

  test('throws not-found if an invocation must exist', async () => {
    const db = await open();
    await expect(db.read((reader) => requireInvocation(reader, A))).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('invocations/a'),
    });
  });

  test('changes the given fields, and no others', async () => {
    const db = await open();
    await insert(db, 'a');
    const before = await db.read((reader) => requireInvocation(reader, A));
    const tags = [{ key: 'k', value: 'v' }];
    await db.write((tx) => updateInvocation(tx, A, { deadline: before.deadline + 1, tags }));
    const after = await db.read((reader) => requireInvocation(reader, A));
    expect(after).toEqual({ ...before, deadline: before.deadline + 1, tags });
  });

  test('changing one that does not exist fails with not-found', async () => {
    const db = await open();
    const change = db.write((tx) => updateInvocation(tx, A, { deadline: 1_800_000_000_000 }));
    await expect(change).rejects.toMatchObject({ code: 'not-found' });
  });

  test('lists all in pages, each once, and by state', async () => {
    const world = new FinalizationWorld(await open());
    await world.create([A, B, C]);
    await world.start(B);
    const list = (page: Parameters<typeof listInvocations>[1]) =>
      world.db.read((reader) => listInvocations(reader, page));
    const first = await list({ limit: 2 });
    const second = await list({ limit: 2, after: first.at(-1)?.id });
    expect([...first, ...second].map(({ id }) => id)).toEqual(['c', 'b', 'a']);
    expect((await list({ limit: 9, state: 'FINALIZING' })).map(({ id }) => id)).toEqual(['b']);
  });

  describe('requireActive', () => {
    test('returns the invocation while it is ACTIVE', async () => {
      const db = await open();
      await insert(db, 'a');
      const active = await db.write((tx) => requireActive(tx, A));
      expect(active).toMatchObject({ id: 'a', state: 'ACTIVE' });
    });

    test('refuses one that does not exist', async () => {
      const db = await open();
      await expect(db.write((tx) => requireActive(tx, A))).rejects.toMatchObject({
        code: 'not-found',
      });
    });

    test('refuses an invocation that has left ACTIVE, and names its state', async () => {
      const world = new FinalizationWorld(await open());
      await world.create([A]);
      await world.start(A);
      const check = () => world.db.write((tx) => requireActive(tx, A));
      await expect(check()).rejects.toMatchObject({
        code: 'failed-precondition',
        message: expect.stringContaining('FINALIZING'),
      });
      await tryFinalize(world.parts, A);
      await expect(check()).rejects.toThrow('FINALIZED');
    });
  });
});

describe.skipIf(testPostgresUrl() === '')('with concurrent transactions', () => {
  test('every read of the FINALIZED invocation sees the uploads that began before its finalization', async () => {
    const db = await openTestPostgres();
    const world = new FinalizationWorld(db);
    await world.create([A]);
    const [checked, mayCommit] = [new Signal(), new Signal()];
    const upload = db.write(async (tx) => {
      await requireActive(tx, A);
      checked.emit();
      await mayCommit.next();
      await recordTestResults(tx, A, [newTestResult('t')]);
    });
    await checked.next();
    const reading = finalizeAndRead(world);
    await Promise.race([reading, untilSomebodyWaits()]);
    mayCommit.emit();
    await upload;
    expect(await reading).toEqual(['t']);
  });

  test('uploads to one invocation do not wait for each other', async () => {
    const db = await openTestPostgres();
    await insert(db, 'a');
    const [checked, mayCommit] = [new Signal(), new Signal()];
    const slow = db.write(async (tx) => {
      await requireActive(tx, A);
      checked.emit();
      await mayCommit.next();
      await recordTestResults(tx, A, [newTestResult('slow')]);
    });
    await checked.next();
    await db.write(async (tx) => {
      await requireActive(tx, A);
      await recordTestResults(tx, A, [newTestResult('fast')]);
    });
    mayCommit.emit();
    await slow;
    expect(await testIds(db)).toEqual(['fast', 'slow']);
  });

  async function finalizeAndRead(world: FinalizationWorld): Promise<string[]> {
    await world.db.write((tx) => startFinalization(world.parts, tx, { id: A }));
    expect(await tryFinalize(world.parts, A)).toBe('finalized');
    return await testIds(world.db);
  }

  async function testIds(db: Database): Promise<string[]> {
    const request = { rowIds: toRowOrder([A]), limit: 10 };
    const { items } = await testResultsPage(db, request);
    return items.map(({ testId }) => testId);
  }

  /** Returns whether a transaction on the test server waits for a lock on a row of invocations. */
  async function untilSomebodyWaits(): Promise<void> {
    await withTestClient(async (client) => {
      const query = `SELECT 1 FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE%invocations%'`;
      while ((await client.query(query)).rows.length === 0);
    });
  }
});
