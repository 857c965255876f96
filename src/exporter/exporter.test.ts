import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BigQueryExport,
  BigQueryExportSchema,
} from '../gen/luci/resultdb/v1/invocation_pb.js';
import {
  TestResultPredicate_Expectancy as Expectancy,
  type TestResultPredicate,
  TestResultPredicateSchema,
  VariantPredicateSchema,
} from '../gen/luci/resultdb/v1/predicate_pb.js';
import type { InvocationId } from '../invocations/id.ts';
import type { Database } from '../storage/database.ts';
import { eachDatabase, openTestPglite } from '../testing/databases.ts';
import { GRAPH_CREATE_TIME, type GraphNode, writeGraph } from '../testing/export-graph.ts';
import { MemorySink } from '../testing/memory-sink.ts';
import { type ExporterConfig, exportInvocation } from './exporter.ts';
import type { Receipt } from './sink.ts';

const LIVE = new AbortController().signal;

type Predicate = Partial<
  Pick<TestResultPredicate, 'testIdRegexp' | 'variant' | 'expectancy' | 'excludeExonerated'>
>;

interface Run extends Partial<ExporterConfig> {
  readonly db: Database;
  readonly sink: MemorySink;
  readonly id?: string;
  readonly predicate?: Predicate;
  readonly signal?: AbortSignal;
}

function runExport({ id = 'a', predicate, signal = LIVE, ...config }: Run): Promise<Receipt> {
  const destination = destinationOf(predicate);
  const request = { invocationId: id as InvocationId, index: 0, destination, attempt: 1 };
  return exportInvocation(config, request, signal);
}

function destinationOf(predicate: Predicate | undefined): BigQueryExport {
  return create(BigQueryExportSchema, {
    project: 'acme',
    dataset: 'tests',
    table: 'results',
    testResults: predicate ? { predicate: create(TestResultPredicateSchema, predicate) } : {},
  });
}

/** The rows as `parent/test/result`, with a `!` where exonerated. */
function brief(sink: MemorySink): string[] {
  return sink.committed
    .map((row) => `${row.parent.id}/${row.test_id}/${row.result_id}${row.exonerated ? '!' : ''}`)
    .sort();
}

async function exported(
  graph: Readonly<Record<string, GraphNode>>,
  predicate?: Predicate,
): Promise<string[]> {
  const db = await openTestPglite();
  await writeGraph(db, graph);
  const sink = new MemorySink();
  await runExport({ db, sink, ...(predicate ? { predicate } : {}) });
  return brief(sink);
}

function failing(testId: string, more: object = {}) {
  return { testId, expected: false, ...more };
}

describe('what fails', () => {
  test('an invocation that is not FINALIZED is not exported, and the sink hears nothing', async () => {
    const db = await openTestPglite();
    await writeGraph(db, { a: { state: 'FINALIZING', results: [{ testId: 't' }] } });
    const sink = new MemorySink();
    await expect(runExport({ db, sink })).rejects.toMatchObject({ code: 'failed-precondition' });
    expect(sink.steps).toEqual([]);
  });

  test('a missing invocation is said to be missing', async () => {
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

  test('a pattern that is not one of RE2 is refused', async () => {
    const db = await openTestPglite();
    await writeGraph(db, { a: { results: [{ testId: 't' }] } });
    const run = runExport({ db, sink: new MemorySink(), predicate: { testIdRegexp: '(?=x)' } });
    await expect(run).rejects.toMatchObject({ code: 'invalid-argument' });
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
      ...{ db, sink, signal: controller.signal },
      batches: { maxRows: 1, maxBytes: 1000 },
    });
    await expect(run).rejects.toThrow('lease lost');
    expect(sink.steps).toEqual(['begin', 'append', 'abort']);
  });

  test('a predicate of a newer version is refused rather than misread', async () => {
    const db = await openTestPglite();
    await writeGraph(db, { a: {} });
    const predicate = { expectancy: 99 as Expectancy };
    const run = runExport({ db, sink: new MemorySink(), predicate });
    await expect(run).rejects.toMatchObject({ code: 'invalid-argument' });
  });
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
    for (const row of sink.committed) {
      expect(row.exported).toEqual({
        id: 'a',
        realm: 'acme:one',
        tags: [{ key: 'os', value: 'linux' }],
      });
      expect(row.parent.realm).toBe(row.parent.id === 'a' ? 'acme:one' : 'acme:two');
      expect(row.partition_time).toBe(GRAPH_CREATE_TIME * 1000);
    }
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
      orders.add(sink.committed.map((r) => `${r.parent.id}/${r.test_id}/${r.result_id}`).join());
    }
    expect(orders.size).toBe(1);
  });
});

describe('graphs', () => {
  test('a result that is reached along two ways is one row', async () => {
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

  test('an empty set is an export of no rows', async () => {
    const db = await openTestPglite();
    await writeGraph(db, { a: {} });
    const sink = new MemorySink();
    expect(await runExport({ db, sink })).toEqual({ rows: 0, location: 'memory' });
    expect(sink.steps).toEqual(['begin', 'commit']);
  });
});

describe('predicates', () => {
  const graph: Readonly<Record<string, GraphNode>> = {
    a: {
      includes: ['b', 'c'],
      results: [
        { testId: 'flaky' },
        failing('broken'),
        { testId: 'fine' },
        failing('excused', { variant: { os: 'linux' } }),
      ],
    },
    b: {
      results: [
        failing('flaky', { resultId: '1' }),
        failing('broken', { resultId: '1' }),
        { testId: 'broken', resultId: '2', variant: { os: 'mac', arch: 'arm' } },
      ],
    },
    c: { exonerations: [{ testId: 'excused', variant: { os: 'linux' } }] },
  };

  test('unexpected anywhere in the set brings all results of the variant', async () => {
    const predicate = { expectancy: Expectancy.VARIANTS_WITH_UNEXPECTED_RESULTS };
    expect(await exported(graph, predicate)).toEqual([
      'a/broken/0',
      'a/excused/0!',
      'a/flaky/0',
      'b/broken/1',
      'b/flaky/1',
    ]);
  });

  test('only unexpected leaves out variants with an expected result anywhere', async () => {
    const predicate = { expectancy: Expectancy.VARIANTS_WITH_ONLY_UNEXPECTED_RESULTS };
    expect(await exported(graph, predicate)).toEqual(['a/broken/0', 'a/excused/0!', 'b/broken/1']);
  });

  test('exonerated variants can be left out', async () => {
    const expectancy = Expectancy.VARIANTS_WITH_ONLY_UNEXPECTED_RESULTS;
    const rows = await exported(graph, { expectancy, excludeExonerated: true });
    expect(rows).toEqual(['a/broken/0', 'b/broken/1']);
  });

  test('a pattern matches whole test ids', async () => {
    expect(await exported(graph, { testIdRegexp: 'fla' })).toEqual([]);
    expect(await exported(graph, { testIdRegexp: 'fla.*|fine' })).toEqual([
      'a/fine/0',
      'a/flaky/0',
      'b/flaky/1',
    ]);
  });

  test('a variant can be asked for exactly, or by some of its pairs', async () => {
    const mac = { os: 'mac' };
    expect(await exported(graph, { variant: variantOf('equals', mac) })).toEqual([]);
    expect(await exported(graph, { variant: variantOf('contains', mac) })).toEqual(['b/broken/2']);
    const whole = variantOf('equals', { arch: 'arm', os: 'mac' });
    expect(await exported(graph, { variant: whole })).toEqual(['b/broken/2']);
  });

  function variantOf(kind: 'equals' | 'contains', def: Record<string, string>) {
    return create(VariantPredicateSchema, { predicate: { case: kind, value: { def } } });
  }
});

describe('resuming', () => {
  test('goes on behind the rows that a former attempt has landed', async () => {
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

  test('tells the sink which export it is: another invocation of that id is another export', async () => {
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

test('agrees with a naive reading of any graph', async () => {
  const ids = ['a', 'b', 'c', 'd'];
  const node = fc.record({
    includes: fc.uniqueArray(fc.constantFrom(...ids)),
    results: fc.uniqueArray(
      fc.record({
        testId: fc.constantFrom('x', 'y'),
        resultId: fc.constantFrom('0', '1'),
        expected: fc.boolean(),
        variant: fc.constantFrom({}, { k: 'v' }),
      }),
      { selector: ({ testId, resultId }) => testId + resultId },
    ),
    exonerations: fc.array(
      fc.record({ testId: fc.constantFrom('x', 'y'), variant: fc.constantFrom({}, { k: 'v' }) }),
      { maxLength: 1 },
    ),
  });
  const graphs = fc.record({ a: node, b: node, c: node, d: node });
  const expectancies = fc.constantFrom(0, 1, 2);
  await fc.assert(
    fc.asyncProperty(graphs, expectancies, fc.boolean(), async (graph, expectancy, exclude) => {
      const excludeExonerated = exclude && expectancy !== 0;
      expect(await exported(graph, { expectancy, excludeExonerated })).toEqual(
        naiveExport(graph, expectancy, excludeExonerated),
      );
    }),
    { numRuns: 25 },
  );
});

/** As the reference's rules read, without a thought of pages or memory. */
function naiveExport(
  graph: Readonly<Record<string, GraphNode>>,
  expectancy: number,
  excludeExonerated: boolean,
): string[] {
  const reached = new Set(['a']);
  for (const id of reached) for (const next of graph[id]?.includes ?? []) reached.add(next);
  const of = <T>(pick: (node: GraphNode) => readonly T[] | undefined) =>
    [...reached].flatMap((id) => (pick(graph[id] ?? {}) ?? []).map((item) => ({ id, item })));
  const key = (item: { testId: string; variant?: object }) =>
    item.testId + JSON.stringify(item.variant);
  const results = of((node) => node.results);
  const exonerated = new Set(of((node) => node.exonerations).map(({ item }) => key(item)));
  const isWanted = (variant: string): boolean => {
    const outcomes = results.filter(({ item }) => key(item) === variant);
    const isUnexpected = outcomes.some(({ item }) => !item.expected);
    if (expectancy === 1 && !isUnexpected) return false;
    if (expectancy === 2 && outcomes.some(({ item }) => item.expected)) return false;
    return !(excludeExonerated && exonerated.has(variant));
  };
  return results
    .filter(({ item }) => isWanted(key(item)))
    .map(
      ({ id, item }) =>
        `${id}/${item.testId}/${item.resultId}${exonerated.has(key(item)) ? '!' : ''}`,
    )
    .sort();
}
