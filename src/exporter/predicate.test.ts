import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GraphNode } from '../../test/support/exports/export-graph.ts';
import { exported, failing } from '../../test/support/exports/export-run.ts';
import {
  TestResultPredicate_Expectancy as Expectancy,
  VariantPredicateSchema,
} from '../gen/luci/resultdb/v1/predicate_pb.js';

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

  test('a result that is unexpected anywhere in the set selects all results of its variant', async () => {
    const predicate = { expectancy: Expectancy.VARIANTS_WITH_UNEXPECTED_RESULTS };
    expect(await exported(graph, predicate)).toEqual([
      'a/broken/0',
      'a/excused/0!',
      'a/flaky/0',
      'b/broken/1',
      'b/flaky/1',
    ]);
  });

  test('"only unexpected" leaves out variants with an expected result anywhere', async () => {
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

test('agrees with a naive evaluation of any graph', async () => {
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

/** Applies the rules of the reference literally, regardless of pages and memory. */
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
