import type { Clock } from '@postlude/queue/foundations';
import { CodedError } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { forEachCrash } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { MemoryContents } from '../../test/support/artifacts/memory-contents.ts';
import { eachDatabase, openTestPglite } from '../../test/support/databases/databases.ts';
import { invocationId as id, newArtifact } from '../../test/support/invocations/fixtures.ts';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { DAY, expected, PurgeWorld, unexpected } from '../../test/support/retention/purge-world.ts';
import { reserveContents } from '../artifacts/unused-contents.ts';
import { beginAttempt } from '../exporter/progress.ts';
import { writeRejectedRows } from '../exporter/rejected-rows.ts';
import { TEST_RESULTS } from '../exporter/rows/row-kind.ts';
import { BQ_EXPORT } from '../exporter/task.ts';
import { toRowId } from '../invocations/id.ts';
import { readInvocation, updateInvocation } from '../invocations/invocations.ts';
import { readReachable } from '../invocations/reachable.ts';
import { invocations } from '../invocations/table.ts';
import type { Deleted } from './deleted.ts';
import { countExpired } from './dry-run.ts';
import { purgeInvocation } from './purge-invocation.ts';
import { purgeExpired } from './purger.ts';

eachDatabase((open) => {
  test('deletes the expected results of test variants that never did anything else', async () => {
    const world = new PurgeWorld(await open());
    await world.create('a');
    const linux = { variant: { os: 'linux' } };
    await world.record('a', expected('green', 'r1'), expected('green', 'r2'), unexpected('red'));
    await world.record('a', expected('flaky', 'r1'), unexpected('flaky', 'r2'));
    await world.record('a', expected('split', 'r1'), unexpected('split', 'r2', linux));
    await world.finalize('a');
    world.clock.advance(60 * DAY - 1);
    expect(await world.purge()).toEqual({});
    world.clock.advance(1);
    expect(await world.purge({ batchRows: 2 })).toEqual({ test_results: 3 });
    expect(await world.stored()).toMatchObject({
      invocations: ['a'],
      results: ['a flaky r1', 'a flaky r2', 'a red r1', 'a split r2'],
    });
    expect(await world.purge()).toEqual({});
  });

  test('deletes the artifacts of what it deletes, however many, and no others', async () => {
    const world = new PurgeWorld(await open());
    const of = (testId: string) => ({ result: { testId, resultId: 'r1' } });
    await world.create('a', { expirationTime: world.clock.now() + 90 * DAY });
    await world.record('a', expected('green'), unexpected('red'), expected('tests/green'));
    await world.attach('a', newArtifact('log'), newArtifact('log', of('red')));
    for (const testId of ['green', 'tests/green', 'gone']) {
      await world.attach('a', newArtifact('1', of(testId)), newArtifact('2', of(testId)));
    }
    await world.finalize('a');
    world.clock.advance(60 * DAY);
    const deleted = { artifacts: 4, test_results: 2 };
    expect(await countExpired(world.parts, { batchRows: 1 })).toEqual(deleted);
    expect(await world.purge({ batchRows: 1 })).toEqual(deleted);
    expect(await world.storedArtifacts()).toEqual([
      'a  log',
      'a tr/gone/r1 1',
      'a tr/gone/r1 2',
      'a tr/red/r1 log',
    ]);
    world.clock.advance(30 * DAY);
    const rest = { artifacts: 4, test_results: 1, invocations: 1 };
    expect(await countExpired(world.parts)).toEqual(rest);
    expect(await world.purge({ batchRows: 1 })).toEqual(rest);
    expect(await world.storedArtifacts()).toEqual([]);
  });

  test('removes the contents of the artifacts that it deletes, and no others', async () => {
    const world = new PurgeWorld(await open());
    const contents = new MemoryContents();
    const long = async (artifactId: string, testId: string) => {
      const key = contents.newKey();
      contents.stored.set(key, Buffer.from(artifactId));
      await world.db.write((tx) => reserveContents(tx, [key], world.clock.now()));
      const result = { testId, resultId: 'r1' };
      await world.attach('a', newArtifact(artifactId, { result, content: { key } }));
      return key;
    };
    await world.create('a', { expirationTime: world.clock.now() + 90 * DAY });
    await world.record('a', expected('green'), unexpected('red'));
    const [, kept] = [await long('1', 'green'), await long('2', 'red')];
    await world.finalize('a');
    const purge = () => purgeExpired({ ...world.parts, contents }, { batchRows: 1 });
    await purge();
    expect(contents.stored.size).toBe(2);
    world.clock.advance(60 * DAY);
    await purge();
    expect([...contents.stored.keys()]).toEqual([kept]);
    world.clock.advance(30 * DAY);
    await purge();
    expect(contents.stored.size).toBe(0);
  });

  test('counts all attempts at a shard as one: what became green later stays flaky', async () => {
    const world = new PurgeWorld(await open());
    await world.create('s');
    await world.create('s.attempt-2', { attempt: 2 });
    await world.record('s', unexpected('flaky'), expected('green'));
    await world.record('s.attempt-2', expected('flaky'), expected('green'));
    await world.db.write((tx) => updateInvocation(tx, id('s'), { lastAttempt: 2 }));
    await world.finalize('s', 's.attempt-2');
    world.clock.advance(60 * DAY);
    await world.purge();
    expect((await world.stored()).results).toEqual(['s flaky r1', 's.attempt-2 flaky r1']);
  });

  test('deletes an expired invocation with all it holds, and the inclusions of it', async () => {
    const world = new PurgeWorld(await open());
    for (const name of ['run', 'old', 'deep']) await world.create(name);
    await world.db.write((tx) =>
      updateInvocation(tx, id('old'), { expectedResultsExpirationTime: undefined }),
    );
    await world.create('later', { expirationTime: world.clock.now() + 541 * DAY });
    await world.include('run', 'old');
    await world.include('later', 'old');
    await world.include('old', 'deep');
    await world.record('old', unexpected('red'), expected('green'), expected('green', 'r2'));
    await world.exonerate('old', 'red');
    await world.finalize('run', 'old', 'deep', 'later');
    world.clock.advance(540 * DAY);
    expect(await world.purge({ batchRows: 2 })).toEqual({
      invocations: 3,
      test_results: 3,
      test_exonerations: 1,
      included_invocations: 3,
    });
    expect(await world.stored()).toEqual({
      invocations: ['later'],
      results: [],
      exonerations: [],
      inclusions: [],
    });
  });

  test('deletes the progress of its exports, and the rows that they rejected', async () => {
    const world = new PurgeWorld(await open());
    await world.create('a');
    await world.finalize('a');
    const table = { project: 'p', dataset: 'd', table: 't' };
    const kind = TEST_RESULTS;
    const exported = { table, invocationId: 'a', index: 0, kind, fingerprint: 'f', attempt: 1 };
    await beginAttempt(world.db, exported);
    const [row] = [{ row: 0, parentId: 'a', testId: 't', resultId: 'r', reason: 'too large' }];
    await world.db.write((tx) => writeRejectedRows(tx, exported, [row]));
    world.clock.advance(540 * DAY);
    expect(await world.purge()).toEqual({ invocations: 1, rejected_rows: 1, export_progress: 1 });
  });

  test('keeps what is not FINALIZED, however old, and goes on to what is', async () => {
    const world = new PurgeWorld(await open());
    for (const name of ['active', 'finalizing']) await world.create(name);
    await world.include('finalizing', 'active');
    await world.finalize('finalizing');
    world.clock.advance(1);
    await world.create('finalized');
    await world.record('active', expected('t'));
    await world.finalize('finalized');
    world.clock.advance(541 * DAY);
    expect(await world.purge({ pageRows: 1 })).toEqual({ invocations: 1 });
    expect((await world.stored()).invocations).toEqual(['active*', 'finalizing*']);
    expect((await world.stored()).results).toEqual(['active t r1']);
  });

  test('waits for exports of the invocation that are still to be done', async () => {
    const world = new PurgeWorld(await open());
    for (const name of ['a', 'a1']) await world.create(name);
    await world.finalize('a', 'a1');
    await world.enqueueExport('a');
    world.clock.advance(540 * DAY);
    expect(await world.purge()).toEqual({ invocations: 1 });
    expect((await world.stored()).invocations).toEqual(['a*']);
    const leases = await world.queue.leaseDue(BQ_EXPORT.name, 1, DAY);
    await world.queue.completeAll(leases);
    expect(await world.purge()).toEqual({ invocations: 1 });
  });

  test('waits for the row of the invocation, and then forgets that it was asked for', async () => {
    const invocationRows = { project: 'p', dataset: 'd', table: 'invocations' };
    const world = new PurgeWorld(await open(), { invocationRows });
    await world.create('a');
    await world.finalize('a');
    world.clock.advance(540 * DAY);
    expect(await world.purge()).toEqual({});
    await world.queue.completeAll(await world.queue.leaseDue(BQ_EXPORT.name, 1, DAY));
    expect(await world.purge()).toEqual({ invocations: 1, export_requests: 1 });
  });

  test('deletes all attempts at a shard together, when the last of them has expired', async () => {
    const world = new PurgeWorld(await open());
    await world.create('s', { expirationTime: world.clock.now() + DAY });
    await world.create('s.attempt-2', { attempt: 2, expirationTime: world.clock.now() + 3 * DAY });
    await world.db.write((tx) => updateInvocation(tx, id('s'), { lastAttempt: 2 }));
    await world.finalize('s', 's.attempt-2');
    world.clock.advance(2 * DAY);
    expect(await world.purge()).toEqual({});
    world.clock.advance(DAY);
    expect(await world.purge()).toEqual({ invocations: 2 });
  });

  test('deletes dead tasks after a time of their own', async () => {
    const world = new PurgeWorld(await open());
    for (const name of ['a', 'b']) {
      await world.create(name);
      await world.enqueueExport(name);
      const [lease] = await world.queue.leaseDue(BQ_EXPORT.name, 1, DAY);
      if (lease) await world.queue.markDead(lease, 'broken');
      world.clock.advance(10 * DAY);
    }
    world.clock.advance(10 * DAY);
    expect(await world.purge({ batchRows: 1 })).toEqual({ dead_tasks: 1 });
    expect(await world.deadTaskIds()).toEqual([expect.stringContaining(':b:0')]);
  });

  test('deletes and counts each row once if two processes purge at the same time', async () => {
    const world = new PurgeWorld(await open());
    const names = Array.from({ length: 6 }, (_, number) => `i${number}`);
    for (const name of names) {
      await world.create(name);
      await world.record(name, expected('t1'), expected('t2'), expected('t3'), unexpected('t4'));
    }
    await world.finalize(...names);
    const counts: Deleted[] = [];
    const onDeleted = (deleted: Deleted) => void counts.push(deleted);
    const purgeTwice = async () => {
      const options = { pageRows: 4, batchRows: 2, onDeleted };
      await Promise.all([world.purge(options), world.purge(options)]);
      await world.purge(options);
      return counts.splice(0);
    };
    world.clock.advance(60 * DAY);
    expect(total(await purgeTwice())).toEqual({ test_results: 18 });
    world.clock.advance(480 * DAY);
    expect(total(await purgeTwice())).toEqual({ test_results: 6, invocations: 6 });
  });

  test('what includes a purged invocation is finalized, and walked, without it', async () => {
    const world = new PurgeWorld(await open());
    await world.create('child', { expirationTime: world.clock.now() + DAY });
    for (const name of ['run', 'other']) await world.create(name);
    await world.include('run', 'child', 'other');
    await world.finalize('child');
    await world.finalize('run');
    world.clock.advance(DAY);
    await world.purge();
    await world.finalize('other');
    const run = await world.db.read((reader) => readInvocation(reader, id('run')));
    expect(run?.state).toBe('FINALIZED');
    expect([...(await readReachable(world.db, [id('run')]))].sort()).toEqual(['other', 'run']);
  });
});

function total(counts: readonly Deleted[]): Deleted {
  const sums: Record<string, number> = {};
  for (const [table, rows] of counts.flatMap((each) => Object.entries(each))) {
    sums[table] = (sums[table] ?? 0) + rows;
  }
  return sums;
}

test('a pass that dies at any step is made up for by the next', async () => {
  const world = new PurgeWorld(await openTestPglite());
  let scenario = 0;
  const pages = { pageRows: 2, batchRows: 2, rest: 0 };
  const steps = await forEachCrash(async (faults) => {
    scenario += 1;
    const [old, young] = [`old${scenario}`, `young${scenario}`];
    await world.create(old, { expirationTime: world.clock.now() + DAY });
    await world.create(young, { expectedResultsExpirationTime: world.clock.now() + DAY });
    await world.include(young, old);
    for (const name of [old, young]) {
      await world.record(name, expected('a'), unexpected('b'), expected('c'));
    }
    await world.attach(young, newArtifact('log', { result: { testId: 'a', resultId: 'r1' } }));
    await world.finalize(old, young);
    world.clock.advance(DAY);
    await faults.run(() => purgeExpired({ ...world.parts, db: faults.wrap(world.db) }, pages));
    await world.purge(pages);
    const own = (texts: readonly string[]) => texts.filter((each) => each.includes(`${scenario}`));
    const stored = await world.stored();
    expect(own(stored.invocations)).toEqual([young]);
    expect(own(stored.results)).toEqual([`${young} b r1`]);
    expect(await world.storedArtifacts()).toEqual([]);
    expect(own(stored.inclusions)).toEqual([]);
    await world.db.write((tx) => updateInvocation(tx, id(young), { realm: `done:${scenario}` }));
  });
  expect(steps).toBeGreaterThan(20);
});

test('an id can be used again once its invocation is purged, and nothing is left of the old one', async () => {
  const world = new PurgeWorld(await openTestPglite());
  for (const name of ['run', 'shard'])
    await world.create(name, {
      expirationTime: world.clock.now() + (name === 'run' ? 9 : 1) * DAY,
    });
  await world.include('run', 'shard');
  await world.record('shard', unexpected('old'));
  await world.finalize('run', 'shard');
  world.clock.advance(DAY);
  await world.purge();
  await world.create('shard');
  expect(await world.stored()).toMatchObject({ results: [], inclusions: [] });
  expect([...(await readReachable(world.db, [id('run')]))]).toEqual(['run']);
});

test('leaves a large closed set whole until all its members are settled', async () => {
  const world = new PurgeWorld(await openTestPglite());
  await world.create('root');
  await world.finalize('root');
  const marked = (closedBy: string | undefined) =>
    world.db.write((tx) =>
      tx.update(invocations, [{ invocationId: toRowId(id('root')), closedBy }]),
    );
  await marked(toRowId(id('root')));
  world.clock.advance(540 * DAY);
  const request = { id: id('root'), now: world.clock.now(), batchRows: 9 };
  expect(await world.purge()).toEqual({});
  expect(await world.db.write((tx) => purgeInvocation(tx, request))).toMatchObject({ deleted: {} });
  await marked(undefined);
  expect(await world.purge()).toEqual({ invocations: 1 });
});

test('rests after each transaction, in proportion to its time', async () => {
  const world = new PurgeWorld(await openTestPglite());
  for (const name of ['a', 'b']) await world.create(name);
  await world.finalize('a', 'b');
  world.clock.advance(540 * DAY);
  let passed = 0;
  const rests: number[] = [];
  const clock: Clock = {
    now: () => world.clock.now(),
    monotonicMs: () => (passed += 10),
    sleep: async (ms) => void rests.push(ms),
  };
  await purgeExpired({ ...world.parts, clock });
  expect(rests).toEqual([50, 50]);
});

test('stops after the transaction that is under way', async () => {
  const world = new PurgeWorld(await openTestPglite());
  for (const name of ['a', 'b', 'c']) await world.create(name);
  await world.finalize('a', 'b', 'c');
  world.clock.advance(540 * DAY);
  const stopping = new AbortController();
  const onDeleted = () => stopping.abort();
  expect(await world.purge({ signal: stopping.signal, onDeleted })).toEqual({ invocations: 1 });
  expect(await world.purge()).toEqual({ invocations: 2 });
});

test('leaves a contended invocation to the next pass, and goes on', async () => {
  const world = new PurgeWorld(await openTestPglite());
  for (const name of ['a', 'b']) await world.create(name);
  await world.finalize('a', 'b');
  world.clock.advance(540 * DAY);
  let writes = 0;
  const contended: Database = Object.assign(Object.create(world.db), {
    dialect: world.db.dialect,
    read: world.db.read.bind(world.db),
    write: async (fn: Parameters<Database['write']>[0]) => {
      writes += 1;
      if (writes === 1) throw new CodedError('conflict', 'others were quicker');
      return await world.db.write(fn);
    },
  });
  const log = new RecordingLog();
  expect(await purgeExpired({ ...world.parts, db: contended, log })).toEqual({ invocations: 1 });
  expect(log.lines).toMatchObject([{ message: 'an invocation is purged later' }]);
  expect(await world.purge()).toEqual({ invocations: 1 });
});
