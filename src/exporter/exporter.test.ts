import type { Database } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../test/support/databases/databases.ts';
import { GRAPH_CREATE_TIME, writeGraph } from '../../test/support/exports/export-graph.ts';
import {
  brief,
  destinationOf,
  exported,
  failing,
  runExport,
} from '../../test/support/exports/export-run.ts';
import { MemorySink } from '../../test/support/exports/memory-sink.ts';
import type { TestResultPredicate_Expectancy as Expectancy } from '../gen/luci/resultdb/v1/predicate_pb.js';
import type { InvocationId } from '../invocations/id.ts';
import { writeExportRequest } from './export-requests.ts';

const PAIRS = { maxRows: 2, maxBytes: 1_000_000 };

describe('failures', () => {
  test('an invocation that is not FINALIZED is not exported, and the sink is not called', async () => {
    const db = await openTestPglite();
    await writeGraph(db, { a: { state: 'FINALIZING', results: [{ testId: 't' }] } });
    const sink = new MemorySink();
    await expect(runExport({ db, sink })).rejects.toMatchObject({ code: 'failed-precondition' });
    expect(sink.steps).toEqual([]);
  });

  test('a missing invocation is reported as not found', async () => {
    const db = await openTestPglite();
    const run = runExport({ db, sink: new MemorySink(), id: 'nobody' });
    await expect(run).rejects.toMatchObject({ code: 'not-found' });
  });

  test.each(['begin', 'append', 'commit'] as const)(
    'an error of the sink at %s is thrown as it is, after an abort',
    async (failingStep) => {
      const db = await openTestPglite();
      await writeGraph(db, { a: { results: [{ testId: 't1' }, { testId: 't2' }] } });
      const sink = new MemorySink();
      const failure = new Error('the sink is full');
      sink.onStep = (step) => {
        if (step === failingStep) throw failure;
      };
      await expect(runExport({ db, sink })).rejects.toBe(failure);
      expect(sink.steps.includes('abort')).toBe(failingStep !== 'begin');
      expect(sink.committed).toEqual([]);
    },
  );

  test('a pattern that is not valid RE2 is refused', async () => {
    const db = await openTestPglite();
    await writeGraph(db, { a: { results: [{ testId: 't' }] } });
    const run = runExport({ db, sink: new MemorySink(), predicate: { testIdRegexp: '(?=x)' } });
    await expect(run).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  test('a pattern that takes too long ends the export, and an ordinary one does not', async () => {
    const db = await openTestPglite();
    const results = Array.from({ length: 20 }, (_, index) => ({ testId: 'a'.repeat(30 + index) }));
    await writeGraph(db, { a: { results } });
    const patternWork = { mean: 1_000, free: 10_000 };
    const run = (testIdRegexp: string) =>
      runExport({ db, sink: new MemorySink(), predicate: { testIdRegexp }, patternWork });
    await expect(run('((a?){30}){30}.*b')).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/takes \d+ steps for each test id, and 1000 are allowed/),
    });
    await expect(run('a+(b|c)?')).resolves.toMatchObject({ rows: 20 });
  });

  test('an aborted attempt writes nothing more and does not commit', async () => {
    const db = await openTestPglite();
    const results = ['t1', 't2', 't3'].map((testId) => ({ testId }));
    await writeGraph(db, { a: { results } });
    const sink = new MemorySink();
    const controller = new AbortController();
    sink.onStep = (step) => {
      if (step === 'append') controller.abort(new Error('lease lost'));
    };
    const run = runExport({
      db,
      sink,
      signal: controller.signal,
      batches: { maxRows: 1, maxBytes: 1000 },
    });
    await expect(run).rejects.toThrow('lease lost');
    expect(sink.steps).toEqual(['begin', 'append', 'abort']);
  });

  test.each([1, 2, 3, 4, 5, 6])('an abort at read %i ends the export there', async (last) => {
    const db = await openTestPglite();
    const results = ['t1', 't2', 't3'].map((testId) => failing(testId));
    await writeGraph(db, { a: { results, exonerations: [{ testId: 't1' }] } });
    const controller = new AbortController();
    const counter = {
      reads: 0,
      read: ((fn) => {
        if (++counter.reads === last) controller.abort(new Error('lease lost'));
        return db.read(fn);
      }) as Database['read'],
    };
    const sink = new MemorySink();
    const predicate = { expectancy: 1 as Expectancy, excludeExonerated: true };
    const run = runExport({
      db: counter,
      sink,
      predicate,
      signal: controller.signal,
      pageRows: 1,
    });
    await expect(run).rejects.toThrow('lease lost');
    expect(counter.reads).toBe(last);
    expect(sink.committed).toEqual([]);
  });

  test('a predicate of a newer version is refused rather than misread', async () => {
    const db = await openTestPglite();
    await writeGraph(db, { a: {} });
    const predicate = { expectancy: 99 as Expectancy };
    const run = runExport({ db, sink: new MemorySink(), predicate });
    await expect(run).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

test('an export that begins during a long one takes turns with it', async () => {
  const db = await openTestPglite();
  const results = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ testId: `t${1_000 + index}` }));
  await writeGraph(db, { long: { results: results(60) }, short: { results: results(6) } });
  const sink = new MemorySink();
  const run = (id: string) => runExport({ db, sink, id, pageRows: 2, batches: PAIRS });
  let short: Promise<unknown> | undefined;
  let appendsOfLong: number | undefined;
  sink.onStep = (step) => {
    const rows = sink.batches.flatMap((batch) => batch.rows.filter((row) => 'exported' in row));
    if (rows.length > 0) short ??= run('short');
    const isShort = rows.filter(({ exported }) => exported.id === 'short').length === 6;
    if (step === 'commit' && isShort) appendsOfLong ??= sink.batches.length - 3;
  };
  await run('long');
  await short;
  expect(sink.results).toHaveLength(66);
  expect(appendsOfLong).toBeLessThan(15);
});

eachDatabase((open) => {
  test('exports results of two invocations, with exonerations by test variant', async () => {
    const db = await open();
    const k1 = { variant: { k: '1' } };
    const k2 = { variant: { k: '2' } };
    await writeGraph(db, {
      a: {
        includes: ['b'],
        realm: 'acme:one',
        tags: [{ key: 'os', value: 'linux' }],
        results: [
          failing('A', { ...k1, resultId: '0' }),
          failing('A', { ...k1, resultId: '1', status: 'CRASH' }),
          { testId: 'B', ...k1 },
          { testId: 'C', ...k1 },
        ],
        exonerations: [{ testId: 'D', ...k1 }],
      },
      b: {
        realm: 'acme:two',
        results: [
          failing('A', { ...k1, resultId: '2' }),
          { testId: 'D', ...k1, resultId: '0' },
          failing('D', { ...k1, resultId: '1' }),
        ],
        exonerations: [
          { testId: 'A', ...k1 },
          { testId: 'B', ...k2 },
        ],
      },
      unrelated: { results: [{ testId: 'X' }], exonerations: [{ testId: 'C', ...k1 }] },
    });
    const sink = new MemorySink();

    const receipt = await runExport({ db, sink });

    expect(receipt).toEqual({ rows: 7, location: 'memory' });
    expect(brief(sink)).toEqual([
      'a/A/0!',
      'a/A/1!',
      'a/B/0',
      'a/C/0',
      'b/A/2!',
      'b/D/0!',
      'b/D/1!',
    ]);
    for (const row of sink.results) {
      expect(row.exported).toEqual({
        id: 'a',
        realm: 'acme:one',
        tags: [{ key: 'os', value: 'linux' }],
      });
      expect(row.parent.realm).toBe(row.parent.id === 'a' ? 'acme:one' : 'acme:two');
      expect(row.partition_time).toBe(GRAPH_CREATE_TIME * 1000);
    }
  });

  test('rows tell how the commands of the run and of its shard ended', async () => {
    const db = await open();
    const properties = { command: { exitCode: 137, signal: 'SIGKILL', host: 'ci-3' } };
    await writeGraph(db, {
      a: { includes: ['b'], properties: { note: 'the run' } },
      b: { results: [{ testId: 'T' }], properties },
    });
    const sink = new MemorySink();
    await runExport({ db, sink });
    const [row] = sink.results;
    expect(row?.exported.properties).toBe('{"note":"the run"}');
    expect(JSON.parse(row?.parent.properties ?? '')).toEqual(properties);
  });

  test('rows say when their export was asked for, the same in every attempt', async () => {
    const db = await open();
    await writeGraph(db, { a: { results: [{ testId: 'T' }] } });
    const insertTimes = async () => {
      const [first, second] = [new MemorySink(), new MemorySink()];
      for (const sink of [first, second]) await runExport({ db, sink });
      expect(second.committed).toEqual(first.committed);
      return first.results.map((row) => row.insert_time);
    };
    const finalizeTime = GRAPH_CREATE_TIME + 60_000;
    expect(await insertTimes()).toEqual([finalizeTime * 1000]);
    const requestTime = finalizeTime + 86_400_000;
    const again = { index: 0, destination: destinationOf(undefined), generation: 1, requestTime };
    await db.write((tx) => writeExportRequest(tx, 'a' as InvocationId, again));
    expect(await insertTimes()).toEqual([requestTime * 1000]);
  });

  test('reads in pages and batches of any size, each result once, in one order', async () => {
    const db = await open();
    const shards = ['s1', 's2', 's3', 's4'];
    const results = Array.from({ length: 23 }, (_, i) => ({
      testId: `t${i % 7}`,
      resultId: `${i}`,
    }));
    await writeGraph(db, {
      a: { includes: shards },
      ...Object.fromEntries(shards.map((id) => [id, { results }])),
    });
    const orders = new Set<string>();
    for (const [pageRows, maxRows] of [
      [1, 1],
      [3, 5],
      [50, 7],
      [1000, 1000],
    ] as const) {
      const sink = new MemorySink();
      await runExport({ db, sink, pageRows, batches: { maxRows, maxBytes: 1e6 } });
      expect(sink.committed).toHaveLength(shards.length * results.length);
      expect(Math.max(...sink.batches.map((batch) => batch.rows.length))).toBeLessThanOrEqual(
        maxRows,
      );
      orders.add(sink.results.map((r) => `${r.parent.id}/${r.test_id}/${r.result_id}`).join());
    }
    expect(orders.size).toBe(1);
  });
});

describe('graphs', () => {
  test('a result that is reached along two paths is one row', async () => {
    const rows = await exported({
      a: { includes: ['left', 'right'] },
      left: { includes: ['bottom'] },
      right: { includes: ['bottom'] },
      bottom: { results: [{ testId: 't' }] },
    });
    expect(rows).toEqual(['bottom/t/0']);
  });

  test('a cycle is walked once, and an exoneration in it counts for all of it', async () => {
    const rows = await exported({
      a: { includes: ['b'], results: [failing('t')] },
      b: { includes: ['c'], results: [failing('t', { resultId: '1' }), { testId: 'u' }] },
      c: { includes: ['a'], exonerations: [{ testId: 't' }] },
    });
    expect(rows).toEqual(['a/t/0!', 'b/t/1!', 'b/u/0']);
  });

  test('rows have the sources of their invocation, which it may inherit within the run', async () => {
    const db = await openTestPglite();
    const inherit = { fields: { sourceSpec: { inherit: true } } };
    const named = (isDirty: boolean) => ({ fields: { sourceSpec: { sources: { isDirty } } } });
    await writeGraph(db, {
      outer: { ...named(true), includes: ['a', 'apart'] },
      a: { ...named(false), includes: ['shard', 'apart', 'silent'] },
      shard: { ...inherit, results: [{ testId: 'inherits' }] },
      apart: { ...named(true), results: [{ testId: 'names its own' }] },
      silent: { results: [{ testId: 'says nothing' }] },
    });
    const sink = new MemorySink();
    await runExport({ db, sink });
    const dirty = sink.results.map(({ sources, test_id }) => [test_id, sources?.is_dirty]);
    expect(Object.fromEntries(dirty)).toEqual({
      inherits: false,
      'names its own': true,
      'says nothing': undefined,
    });
    await expect(exportedSources(db, 'shard')).resolves.toEqual([undefined]);
  });

  test('an empty set is an export of no rows', async () => {
    const db = await openTestPglite();
    await writeGraph(db, { a: {} });
    const sink = new MemorySink();
    expect(await runExport({ db, sink })).toEqual({ rows: 0, location: 'memory' });
    expect(sink.steps).toEqual(['begin', 'commit']);
  });
});

/** The sources in the rows of an export of its own. */
async function exportedSources(db: Database, id: string) {
  const sink = new MemorySink();
  await runExport({ db, sink, id });
  return sink.results.map(({ sources }) => sources);
}

describe('resuming', () => {
  test('continues after the rows that an earlier attempt has written', async () => {
    const db = await openTestPglite();
    const results = Array.from({ length: 10 }, (_, i) => ({ testId: `t${i}` }));
    await writeGraph(db, { a: { includes: ['b'], results }, b: { results } });
    const sink = new MemorySink();
    const config = { db, sink, batches: { maxRows: 3, maxBytes: 1e6 }, pageRows: 4 };
    let failures = 0;
    sink.onStep = (step, count) => {
      if (step === 'append' && count % 2 === 0) throw new Error('unplugged');
    };
    while (sink.committed.length === 0) {
      await runExport(config).catch((error) => {
        expect(error.message).toBe('unplugged');
        failures++;
      });
    }
    expect(failures).toBe(6);
    expect(new Set(brief(sink)).size).toBe(20);
    expect(sink.committed).toHaveLength(20);
  });

  test('tells the sink which export it is: another invocation with that id is another export', async () => {
    const fingerprints = new Set<string>();
    const db = await openTestPglite();
    await writeGraph(db, { a: {}, b: {} });
    for (const id of ['a', 'a', 'b']) {
      const sink = new MemorySink();
      await runExport({ db, sink, id });
      fingerprints.add(sink.exports[0]?.fingerprint ?? '');
    }
    expect(fingerprints.size).toBe(2);
  });
});
