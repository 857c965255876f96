import { create } from '@bufbuild/protobuf';
import { chunk } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { expect, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import { newTestResult } from '../../../test/support/invocations/fixtures.ts';
import { openServices, type Services } from '../../../test/support/server/rpc-services.ts';
import { Signal } from '../../../test/support/signal.ts';
import {
  FinalizeInvocationRequestSchema,
  UpdateIncludedInvocationsRequestSchema,
} from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { fromRowId, parseInvocationId, toRowId } from '../../invocations/id.ts';
import { removeInclusions } from '../../invocations/inclusions.ts';
import { readInvocations } from '../../invocations/invocations.ts';
import { invocations } from '../../invocations/table.ts';
import { recordTestResults } from '../../results/test-results.ts';
import { ReachableSets, type Root } from './reachable-sets.ts';

const { signal } = new AbortController();
const all = {};

async function openTree(services: Services): Promise<void> {
  for (const id of ['u-a', 'u-b']) await services.create(id);
  await services.create('u-top', { includedInvocations: ['invocations/u-a'] });
}

async function finalizeAll(services: Services, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const request = create(FinalizeInvocationRequestSchema, { name: `invocations/${id}` });
    await services.recorder.finalizeInvocation(request, services.owner(id));
  }
  await services.finalizeAll();
}

/** Counts the reads that go through it. */
function countReads(db: Database): {
  readonly db: Database;
  reads: number;
  beforeRead: () => Promise<void>;
} {
  const counter = {
    reads: 0,
    beforeRead: async () => undefined,
    db: {
      ...db,
      read: async (fn, options) => {
        counter.reads++;
        await counter.beforeRead();
        return await db.read(fn, options);
      },
    } as Database,
  };
  return counter;
}

async function rootsOf({ db }: Services, ...ids: readonly string[]): Promise<readonly Root[]> {
  const found = await db.read((tx) => readInvocations(tx, ids.map(parseInvocationId)));
  return [...found.values()];
}

test('an invocation that is not FINALIZED is walked each time', async () => {
  const services = await openServices(await openTestPglite());
  await openTree(services);
  const sets = new ReachableSets(services.db);
  const top = await rootsOf(services, 'u-top');
  expect((await sets.read(top, all, signal)).rowIds).toHaveLength(2);
  await services.recorder.updateIncludedInvocations(
    create(UpdateIncludedInvocationsRequestSchema, {
      includingInvocation: 'invocations/u-top',
      addInvocations: ['invocations/u-b'],
    }),
    services.owner('u-top'),
  );
  const { rowIds } = await sets.read(top, all, signal);
  expect(rowIds.map(fromRowId).sort()).toEqual(['u-a', 'u-b', 'u-top']);
  expect(rowIds).toEqual([...rowIds].sort());
});

test('a FINALIZED invocation is walked once for each selection of test variants', async () => {
  const services = await openServices(await openTestPglite());
  await openTree(services);
  await finalizeAll(services, 'u-top', 'u-a');
  const top = await rootsOf(services, 'u-top');
  const counter = countReads(services.db);
  const sets = new ReachableSets(counter.db);
  const first = await sets.read(top, all, signal);
  const reads = counter.reads;
  expect(await sets.read(top, all, signal)).toBe(first);
  expect(counter.reads).toBe(reads);
  const selection = { expectancy: 'VARIANTS_WITH_UNEXPECTED_RESULTS' } as const;
  const selected = await sets.read(top, selection, signal);
  expect(selected.variants).toBeDefined();
  expect(await sets.read(top, selection, signal)).toBe(selected);
});

test('an id that is used again does not get the set of the deleted invocation', async () => {
  const services = await openServices(await openTestPglite());
  await openTree(services);
  await finalizeAll(services, 'u-top', 'u-a');
  const sets = new ReachableSets(services.db);
  const old = await sets.read(await rootsOf(services, 'u-top'), all, signal);
  expect(old.rowIds).toHaveLength(2);

  const invocationId = toRowId(parseInvocationId('u-top'));
  await services.db.write(async (tx) => {
    await removeInclusions(tx, parseInvocationId('u-top'), [parseInvocationId('u-a')]);
    await tx.delete(invocations, [{ invocationId }]);
  });
  services.clock.advance(1);
  await services.create('u-top');
  await finalizeAll(services, 'u-top');
  const { rowIds } = await sets.read(await rootsOf(services, 'u-top'), all, signal);
  expect(rowIds.map(fromRowId)).toEqual(['u-top']);
});

test('the least recently used set is evicted when the bound is exceeded', async () => {
  const services = await openServices(await openTestPglite());
  await openTree(services);
  await finalizeAll(services, 'u-top', 'u-a', 'u-b');
  const sets = new ReachableSets(services.db, 3 * 150);
  const top = await rootsOf(services, 'u-top');
  const [a, b] = [await rootsOf(services, 'u-a'), await rootsOf(services, 'u-b')];
  const keptA = await sets.read(a, all, signal);
  const keptTop = await sets.read(top, all, signal);
  expect(await sets.read(a, all, signal)).toBe(keptA);
  await sets.read(b, all, signal);
  expect(await sets.read(a, all, signal)).toBe(keptA);
  expect(await sets.read(top, all, signal)).not.toBe(keptTop);
});

test('a set that is larger than the bound is not kept, and evicts nothing', async () => {
  const services = await openServices(await openTestPglite());
  await openTree(services);
  await finalizeAll(services, 'u-top', 'u-a', 'u-b');
  const sets = new ReachableSets(services.db, 150);
  const [a, top] = [await rootsOf(services, 'u-a'), await rootsOf(services, 'u-top')];
  const keptA = await sets.read(a, all, signal);
  await sets.read(top, all, signal);
  expect(await sets.read(a, all, signal)).toBe(keptA);
});

test('a walk ends when the caller disconnects', async () => {
  const services = await openServices(await openTestPglite());
  await openTree(services);
  const sets = new ReachableSets(services.db);
  const top = await rootsOf(services, 'u-top');
  await expect(sets.read(top, all, AbortSignal.abort())).rejects.toThrow('aborted');
});

const UNEXPECTED = { expectancy: 'VARIANTS_WITH_UNEXPECTED_RESULTS' } as const;

/** Opens u-a with results in several pages, and sets whose reads are counted. */
async function openResults(state: 'ACTIVE' | 'FINALIZED') {
  const services = await openServices(await openTestPglite());
  await openTree(services);
  const results = Array.from({ length: 12_000 }, (_, index) =>
    newTestResult(`t${index}`, { expected: false, status: 'FAIL' }),
  );
  for (const batch of chunk(results, 4_000)) {
    await services.db.write((tx) => recordTestResults(tx, parseInvocationId('u-a'), batch));
  }
  if (state === 'FINALIZED') await finalizeAll(services, 'u-a');
  const counter = countReads(services.db);
  const sets = new ReachableSets(counter.db);
  const roots = await rootsOf(services, 'u-a');
  await sets.read(roots, UNEXPECTED, signal);
  const readsOfOne = counter.reads;
  counter.reads = 0;
  return { counter, readsOfOne, roots, sets: new ReachableSets(counter.db) };
}

test('equal queries of a FINALIZED invocation share one walk, and its set', async () => {
  const { counter, readsOfOne, roots, sets } = await openResults('FINALIZED');
  const found = await Promise.all(
    Array.from({ length: 5 }, () => sets.read(roots, UNEXPECTED, signal)),
  );
  expect(new Set(found).size).toBe(1);
  expect(counter.reads).toBe(readsOfOne);
  expect(found[0]?.variants?.bytes).toBeLessThanOrEqual(48 * 12_000);
  expect(sets.walks).toBe(0);
});

test('equal queries of an open invocation share a walk that begins after them', async () => {
  const { counter, readsOfOne, roots, sets } = await openResults('ACTIVE');
  const found = await Promise.all(
    Array.from({ length: 5 }, () => sets.read(roots, UNEXPECTED, signal)),
  );
  expect(new Set(found).size).toBe(2);
  expect(counter.reads).toBe(2 * readsOfOne);
  expect(sets.walks).toBe(0);
});

test('a shared walk ends between two pages when none of its callers is left, and no earlier', async () => {
  const { counter, readsOfOne, roots, sets } = await openResults('FINALIZED');
  const [first, second] = [new AbortController(), new AbortController()];
  const readOfPage = new Signal<void>();
  const mayRead = new Signal<void>();
  counter.beforeRead = async () => {
    readOfPage.emit();
    await mayRead.next();
  };
  const reads = [first, second].map(({ signal }) => sets.read(roots, UNEXPECTED, signal));
  const outcomes = Promise.allSettled(reads);
  await readOfPage.next();
  first.abort(new Error('gone'));
  await expect(reads[0]).rejects.toThrow('gone');
  mayRead.emit();
  await readOfPage.next();
  second.abort(new Error('gone too'));
  mayRead.emit();
  expect(await outcomes).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
  expect(sets.walks).toBe(0);
  expect(counter.reads).toBeLessThan(readsOfOne);
  counter.beforeRead = async () => undefined;
  expect((await sets.read(roots, UNEXPECTED, signal)).variants).toBeDefined();
});
