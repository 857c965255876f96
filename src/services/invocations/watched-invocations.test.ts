import { getEventListeners } from 'node:events';
import { create } from '@bufbuild/protobuf';
import type { Database, Reader } from '@postlude/queue/storage';
import { beforeEach, expect, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import { newInvocation } from '../../../test/support/invocations/fixtures.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../test/support/server/rpc-services.ts';
import { Invocation_State } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import { FinalizeInvocationRequestSchema } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import {
  WatchInvocationRequestSchema,
  type WatchInvocationResponse,
} from '../../gen/postlude/v1/invocations_pb.js';
import { invocationName, parseInvocationId, toRowId } from '../../invocations/id.ts';
import { includeInvocations } from '../../invocations/inclusions.ts';
import { insertInvocations } from '../../invocations/invocations.ts';
import { invocations } from '../../invocations/table.ts';

const TOP = parseInvocationId('u-top');
const POLL_MS = 2_000;

/** Counts what is read from the database. */
class Counted {
  readonly db: Database;
  reads = 0;
  rows = 0;
  failure: Error | undefined;

  constructor(db: Database) {
    this.db = new Proxy(db, {
      get: (target, name: keyof Database) => {
        const value = target[name];
        if (name === 'read') return this.#read.bind(this, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  reset(): void {
    this.reads = 0;
    this.rows = 0;
  }

  async #read<T>(db: Database, fn: (tx: Reader) => Promise<T>): Promise<T> {
    this.reads++;
    if (this.failure) throw this.failure;
    return await db.read((reader) => fn(this.#counting(reader)));
  }

  #counting(reader: Reader): Reader {
    const count = <R>(rows: readonly R[]) => {
      this.rows += rows.length;
      return rows;
    };
    return new Proxy(reader, {
      get: (target, name: keyof Reader) => {
        const value = target[name];
        if (typeof value !== 'function' || name === 'stream') return value;
        // biome-ignore lint/suspicious/noExplicitAny: passes on whatever it is called with
        return async (...args: readonly any[]) => count(await (value as any).apply(target, args));
      },
    });
  }
}

type Watcher = AsyncIterator<WatchInvocationResponse, void, void>;

let counted: Counted;
let services: Services;

beforeEach(async () => {
  counted = new Counted(await openTestPglite());
  services = await openServices(counted.db);
});

function watch(id: string, signal?: AbortSignal): Watcher {
  const request = create(WatchInvocationRequestSchema, { name: `invocations/${id}` });
  const context = { ...contextOf(OWNER), ...(signal ? { signal } : {}) };
  return services.invocations.watchInvocation(request, context)[Symbol.asyncIterator]();
}

async function finalize(id: string): Promise<void> {
  const request = create(FinalizeInvocationRequestSchema, { name: `invocations/${id}` });
  await services.recorder.finalizeInvocation(request, services.owner(id));
}

function statesOf(results: readonly IteratorResult<WatchInvocationResponse, void>[]) {
  return new Set(results.map(({ value }) => Invocation_State[value?.invocation?.state ?? 0]));
}

/** Opens u-top, which includes as many others. */
async function openLarge(inclusions: number): Promise<void> {
  await services.create('u-top');
  const ids = Array.from({ length: inclusions }, (_, index) => parseInvocationId(`i-${index}`));
  await services.db.write((tx) =>
    insertInvocations(
      tx,
      ids.map((id) => newInvocation(id)),
    ),
  );
  await services.db.write((tx) => includeInvocations(tx, TOP, ids));
  counted.reset();
}

/** Lets the poll that is due run to its end, which the next sleep shows. */
async function poll(): Promise<void> {
  await services.clock.untilSleepers(1);
  services.clock.advance(POLL_MS);
  await services.clock.untilSleepers(1);
}

test('fifty watchers of a large run share its readings, which hold few rows', async () => {
  await openLarge(2_000);
  const watchers = Array.from({ length: 50 }, () => watch('u-top'));
  expect(statesOf(await Promise.all(watchers.map((each) => each.next())))).toEqual(
    new Set(['ACTIVE']),
  );
  // One read for the permission of each, and two readings for all: the second begins after the first.
  expect(counted.reads).toBeLessThanOrEqual(50 + 2);
  expect(counted.rows).toBeLessThan(50 + 20);

  counted.reset();
  const next = Promise.all(watchers.map((each) => each.next()));
  for (let times = 0; times < 10; times++) await poll();
  expect(counted.reads).toBe(10);
  expect(counted.rows).toBe(10);

  counted.reset();
  await finalize('u-top');
  expect(statesOf(await next)).toEqual(new Set(['FINALIZING']));
  // One read is that of FinalizeInvocation, for its response.
  expect(counted.reads).toBeLessThanOrEqual(1 + 2);
  expect(counted.rows).toBeLessThan(20);
});

test('a poll of hundreds of watched invocations is one read', async () => {
  const ids = Array.from({ length: 400 }, (_, index) => parseInvocationId(`i-${index}`));
  await services.db.write((tx) =>
    insertInvocations(
      tx,
      ids.map((id) => newInvocation(id)),
    ),
  );
  const watchers = ids.map((id) => watch(id));
  await Promise.all(watchers.map((each) => each.next()));
  const next = watchers.map((each) => each.next());
  await poll();
  counted.reset();
  await poll();
  expect(counted.reads).toBe(1);
  expect(counted.rows).toBe(400);
  const silent = await openServices(counted.db, { announces: false });
  const request = create(FinalizeInvocationRequestSchema, { name: invocationName(ids[7] ?? TOP) });
  await silent.recorder.finalizeInvocation(request, silent.owner(ids[7] ?? TOP));
  await poll();
  expect(statesOf([await (next[7] ?? Promise.reject())])).toEqual(new Set(['FINALIZING']));
});

test('what a watched invocation waits for is announced, too', async () => {
  await services.create('u-child');
  await services.create('u-top', { includedInvocations: ['invocations/u-child'] });
  await finalize('u-top');
  await services.finalizeAll();
  const watcher = watch('u-top');
  const first = await watcher.next();
  expect(first.value?.explanation?.chain).toHaveLength(2);
  const next = watcher.next();
  await finalize('u-child');
  expect((await next).value?.explanation?.chain.map(({ state }) => state)).toEqual([
    Invocation_State.FINALIZING,
    Invocation_State.FINALIZING,
  ]);
});

test('a slow watcher gets the newest state, and none of those in between', async () => {
  await services.create('u-child');
  await services.create('u-top', { includedInvocations: ['invocations/u-child'] });
  const [slow, quick] = [watch('u-top'), watch('u-top')];
  await Promise.all([slow.next(), quick.next()]);
  const seen: string[] = [];
  const reading = (async () => {
    for (let read = await quick.next(); !read.done; read = await quick.next()) {
      seen.push(Invocation_State[read.value.invocation?.state ?? 0] ?? '');
    }
  })();
  await finalize('u-top');
  await services.finalizeAll();
  await finalize('u-child');
  await services.finalizeAll();
  await reading;
  expect(seen[0]).toBe('FINALIZING');
  expect(seen.at(-1)).toBe('FINALIZED');
  expect(statesOf([await slow.next()])).toEqual(new Set(['FINALIZED']));
  expect((await slow.next()).done).toBe(true);
});

test('watchers that leave, in whatever way, leave nothing that reads, waits or listens', async () => {
  await services.create('u-top');
  const gone = new AbortController();
  const watchers = Array.from({ length: 400 }, () => watch('u-top', gone.signal));
  await Promise.all(watchers.map((each) => each.next()));
  const waiting = watchers.slice(0, 200).map((each) => each.next());
  await services.clock.untilSleepers(1);
  for (const each of watchers.slice(200, 300)) await each.return?.();
  gone.abort();
  expect((await Promise.all(waiting)).every(({ done }) => done)).toBe(true);
  for (const each of watchers.slice(300)) expect((await each.next()).done).toBe(true);
  expect(getEventListeners(gone.signal, 'abort')).toEqual([]);
  expect(services.clock.sleepers).toBe(0);
  counted.reset();
  services.changes.announce([TOP]);
  await services.db.write(async () => undefined);
  expect(counted.reads).toBe(0);
});

test('all watchers learn that their invocation was deleted', async () => {
  await services.create('u-top');
  const watchers = [watch('u-top'), watch('u-top')];
  await Promise.all(watchers.map((each) => each.next()));
  const outcomes = Promise.allSettled(watchers.map((each) => each.next()));
  await services.db.write((tx) => tx.delete(invocations, [{ invocationId: toRowId(TOP) }]));
  await services.clock.untilSleepers(1);
  services.clock.advance(POLL_MS);
  expect(await outcomes).toMatchObject([
    { status: 'rejected', reason: { code: 'not-found' } },
    { status: 'rejected', reason: { code: 'not-found' } },
  ]);
  expect(services.clock.sleepers).toBe(0);
});

test('a poll that fails is made up for by the next', async () => {
  await services.create('u-top');
  const watcher = watch('u-top');
  await watcher.next();
  const next = watcher.next();
  const silent = await openServices(counted.db, { announces: false });
  const request = create(FinalizeInvocationRequestSchema, { name: 'invocations/u-top' });
  await silent.recorder.finalizeInvocation(request, silent.owner('u-top'));
  counted.failure = new Error('the database is away');
  await poll();
  counted.failure = undefined;
  await poll();
  expect(statesOf([await next])).toEqual(new Set(['FINALIZING']));
});
