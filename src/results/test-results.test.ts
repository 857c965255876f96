import type { Database } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../test/support/databases/databases.ts';
import {
  invocationId,
  newExoneration,
  newTestResult,
} from '../../test/support/invocations/fixtures.ts';
import { type InvocationId, toRowOrder } from '../invocations/id.ts';
import { exonerationsPage, readExoneration, recordExonerations } from './exonerations.ts';
import { allPages, type Position } from './page.ts';
import type { NewTestResult } from './test-result.ts';
import {
  countTestResults,
  readTestResult,
  recordTestResults,
  type TestResultsRequest,
  testResultsPage,
} from './test-results.ts';
import { selectVariants } from './variants/select-variants.ts';

const [A, B, C] = [invocationId('a'), invocationId('b'), invocationId('c')];

async function record(db: Database, id: InvocationId, results: readonly NewTestResult[]) {
  await db.write((tx) => recordTestResults(tx, id, results));
}

function page(db: Database, request: TestResultsRequest) {
  return testResultsPage(db, request);
}

async function names(db: Database, request: TestResultsRequest): Promise<string[]> {
  const found: string[] = [];
  for await (const items of allPages(request, (each) => page(db, { ...request, ...each }))) {
    found.push(...items.map((r) => `${r.invocationId}/${r.testId}/${r.resultId}`));
  }
  return found;
}

eachDatabase((open) => {
  test('returns everything that a result was recorded with', async () => {
    const db = await open();
    const result = newTestResult('täst', {
      variant: { os: 'linux', arch: 'x:64' },
      expected: false,
      status: 'CRASH',
      summaryHtml: '<p>broken</p>',
      startTime: 1_700_000_000_000.25,
      durationMicros: 1_500_001,
      tags: [
        { key: 'k', value: '2' },
        { key: 'k', value: '1' },
      ],
      testLocation: new Uint8Array([1, 0]),
      testMetadata: new Uint8Array([2]),
      failureReason: new Uint8Array([3]),
      details: new Uint8Array([4]),
    });
    await record(db, A, [result]);
    const key = { invocationId: A, testId: 'täst', resultId: 'r1' };
    expect(await db.read((reader) => readTestResult(reader, key))).toEqual({
      ...result,
      invocationId: A,
      variantHash: expect.stringMatching(/^[0-9a-f]{16}$/),
      tags: [
        { key: 'k', value: '1' },
        { key: 'k', value: '2' },
      ],
    });
    const missing = db.read((reader) => readTestResult(reader, { ...key, resultId: 'r2' }));
    expect(await missing).toBeUndefined();
  });

  test('a repeated upload replaces, and counts nothing twice', async () => {
    const db = await open();
    await record(db, A, [newTestResult('t'), newTestResult('u')]);
    await record(db, A, [newTestResult('t', { status: 'FAIL', expected: false })]);
    expect(await db.read((reader) => countTestResults(reader, [A]))).toBe(2);
    const key = { invocationId: A, testId: 't', resultId: 'r1' };
    expect(await db.read((reader) => readTestResult(reader, key))).toMatchObject({
      status: 'FAIL',
      expected: false,
    });
  });

  test('counts the results of many invocations, and none for no invocations', async () => {
    const db = await open();
    await record(db, A, [newTestResult('t')]);
    await record(db, B, [newTestResult('t'), newTestResult('u')]);
    await record(db, C, [newTestResult('t')]);
    expect(await db.read((reader) => countTestResults(reader, [A, B]))).toBe(3);
    expect(await db.read((reader) => countTestResults(reader, []))).toBe(0);
  });

  test('refuses text that a database cannot keep', async () => {
    const db = await open();
    const bad = record(db, A, [newTestResult('t', { summaryHtml: 'a\0b' })]);
    await expect(bad).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  describe('pages', () => {
    test('hold each result once, in the order of row id, test id, result id', async () => {
      const db = await open();
      const ids = [A, B, C];
      const results = ['t2', 't1', 't10'].flatMap((testId) =>
        ['r2', 'r1'].map((resultId) => newTestResult(testId, { resultId })),
      );
      for (const id of ids) await record(db, id, results);
      const tests = ['t1', 't10', 't2'].flatMap((testId) => [`${testId}/r1`, `${testId}/r2`]);
      const expected = ['c', 'b', 'a'].flatMap((id) => tests.map((name) => `${id}/${name}`));
      for (const limit of [1, 2, 5, 6, 7, 18, 100]) {
        expect(await names(db, { rowIds: toRowOrder(ids), limit })).toEqual(expected);
      }
    });

    test('skip many invocations without results', async () => {
      const db = await open();
      const empty = Array.from({ length: 300 }, (_, index) => invocationId(`e${index}`));
      await record(db, A, [newTestResult('t')]);
      await record(db, B, [newTestResult('t')]);
      const rowIds = toRowOrder([...empty, A, B]);
      expect(await names(db, { rowIds, limit: 1 })).toEqual(['b/t/r1', 'a/t/r1']);
    });

    test('are empty for no invocations', async () => {
      const db = await open();
      expect(await page(db, { rowIds: [], limit: 1 })).toEqual({ items: [], next: undefined });
    });

    test('continue after a position whose result does not exist', async () => {
      const db = await open();
      await record(db, A, [newTestResult('t1'), newTestResult('t3')]);
      const after: Position = { invocationId: A, testId: 't2', itemId: 'x' };
      const { items } = await page(db, { rowIds: toRowOrder([A]), after, limit: 9 });
      expect(items.map(({ testId }) => testId)).toEqual(['t3']);
      const gone: Position = { invocationId: B, testId: 'z', itemId: 'z' };
      const rest = await page(db, { rowIds: toRowOrder([A]), after: gone, limit: 9 });
      expect(rest.items).toHaveLength(2);
    });
  });

  describe('predicates', () => {
    async function openWithVariants(): Promise<Database> {
      const db = await open();
      const [linux, mac] = [{ os: 'linux' }, { os: 'mac' }];
      const failed = { expected: false, status: 'FAIL' } as const;
      await record(db, A, [
        newTestResult('flaky', { variant: linux, ...failed }),
        newTestResult('flaky', { variant: linux, resultId: 'r2' }),
        newTestResult('broken', { variant: linux, ...failed }),
        newTestResult('fine', { variant: linux }),
      ]);
      await record(db, B, [
        newTestResult('fine', { variant: mac }),
        newTestResult('broken', { variant: linux, ...failed }),
        newTestResult('elsewhere', { variant: mac, ...failed }),
      ]);
      await record(db, C, [newTestResult('elsewhere', { variant: mac })]);
      await db.write((tx) =>
        recordExonerations(tx, C, [newExoneration('broken', { variant: linux })]),
      );
      return db;
    }

    const rowIds = toRowOrder([A, B, C]);

    test.each([
      ['a pattern', { testIdRegexp: 'f.*y' }, ['a/flaky/r1', 'a/flaky/r2']],
      [
        'an equal variant',
        { variant: { equals: { os: 'mac' } } },
        ['c/elsewhere/r1', 'b/elsewhere/r1', 'b/fine/r1'],
      ],
      [
        'a contained pair',
        { variant: { contains: { os: 'mac' } }, testIdRegexp: 'fine' },
        ['b/fine/r1'],
      ],
      ['what nothing matches', { testIdRegexp: 'nothing' }, []],
    ])('of %s', async (_, predicate, expected) => {
      const db = await openWithVariants();
      for (const limit of [1, 10]) {
        expect(await names(db, { rowIds, limit, predicate })).toEqual(expected);
      }
    });

    test.each([
      [
        'any unexpected result in the whole set',
        'VARIANTS_WITH_UNEXPECTED_RESULTS',
        false,
        [
          'c/elsewhere/r1',
          'b/broken/r1',
          'b/elsewhere/r1',
          'a/broken/r1',
          'a/flaky/r1',
          'a/flaky/r2',
        ],
      ],
      [
        'no expected result in the whole set',
        'VARIANTS_WITH_ONLY_UNEXPECTED_RESULTS',
        false,
        ['b/broken/r1', 'a/broken/r1'],
      ],
      [
        'unexpected ones that nobody exonerated',
        'VARIANTS_WITH_UNEXPECTED_RESULTS',
        true,
        ['c/elsewhere/r1', 'b/elsewhere/r1', 'a/flaky/r1', 'a/flaky/r2'],
      ],
    ] as const)('of %s', async (_, expectancy, excludeExonerated, expected) => {
      const db = await openWithVariants();
      const variants = await selectVariants(db, rowIds, { expectancy, excludeExonerated });
      for (const limit of [1, 10]) {
        expect(await names(db, { rowIds, limit, variants })).toEqual(expected);
      }
    });

    test('name the tests of few variants, even if they were found among many', async () => {
      const db = await open();
      const ids = Array.from({ length: 600 }, (_, index) => `t${100 + index}`);
      const failed = { expected: false, status: 'FAIL' } as const;
      await record(
        db,
        A,
        ids.map((testId) => newTestResult(testId, failed)),
      );
      const some = 'VARIANTS_WITH_UNEXPECTED_RESULTS';
      const many = await selectVariants(db, rowIds, { expectancy: some });
      expect(many?.testIds).toBeUndefined();
      await record(
        db,
        B,
        ids.slice(2).map((testId) => newTestResult(testId)),
      );
      const only = 'VARIANTS_WITH_ONLY_UNEXPECTED_RESULTS';
      const few = await selectVariants(db, rowIds, { expectancy: only });
      expect(few?.testIds).toEqual(new Set(['t100', 't101']));
      expect(await names(db, { rowIds, limit: 10, variants: few })).toEqual([
        'a/t100/r1',
        'a/t101/r1',
      ]);
    });

    test('for all results select no variants', async () => {
      const db = await openWithVariants();
      expect(await selectVariants(db, rowIds, {})).toBeUndefined();
    });
  });

  describe('exonerations', () => {
    test('are returned as they were recorded, and replace earlier ones', async () => {
      const db = await open();
      const given = newExoneration('t', { variant: { os: 'linux' }, explanationHtml: 'known' });
      await db.write((tx) => recordExonerations(tx, A, [newExoneration('t')]));
      await db.write((tx) => recordExonerations(tx, A, [given]));
      const key = { invocationId: A, testId: 't', exonerationId: 'e1' };
      expect(await db.read((reader) => readExoneration(reader, key))).toEqual({
        ...given,
        invocationId: A,
        variantHash: expect.any(String),
      });
    });

    test('come in pages of many invocations', async () => {
      const db = await open();
      for (const id of [A, B]) {
        const two = ['e2', 'e1'].map((exonerationId) => newExoneration('t', { exonerationId }));
        await db.write((tx) => recordExonerations(tx, id, two));
      }
      const request = { rowIds: toRowOrder([A, B]), limit: 1 };
      const found: string[] = [];
      for await (const items of allPages(request, (each) => exonerationsPage(db, each))) {
        found.push(...items.map((e) => `${e.invocationId}/${e.exonerationId}`));
      }
      expect(found).toEqual(['b/e1', 'b/e2', 'a/e1', 'a/e2']);
    });
  });
});
