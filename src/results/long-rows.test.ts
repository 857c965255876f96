import { type Database, type Reader, sql } from '@postlude/queue/storage';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../test/support/databases/databases.ts';
import {
  invocationId,
  newExoneration,
  newTestResult,
} from '../../test/support/invocations/fixtures.ts';
import { toRowId } from '../invocations/id.ts';
import { exonerationsPage, recordExonerations } from './exonerations.ts';
import { LongRows } from './long-rows.ts';
import { MAX_PAGE_BYTES, type PageRequest } from './page.ts';
import {
  recordTestResults,
  type TestResultsRequest,
  testResults,
  testResultsPage,
} from './test-results.ts';

const A = invocationId('a');
const rowIds = [toRowId(A)];
const MB = 1_000_000;

/** About as many bytes as given, in pairs as short as those of real variants. */
function variantOf(bytes: number) {
  const pairs = Math.ceil(bytes / 266);
  return Object.fromEntries(
    Array.from({ length: pairs }, (_, index) => [`key_${100_000 + index}`, 'v'.repeat(255)]),
  );
}

interface Fetched {
  rows: number;
  bytes: number;
}

/** Returns a reader that notes what each read holds. */
function measured(reader: Reader, reads: Fetched[]): Reader {
  const note = <T>(rows: readonly T[]) => {
    reads.push({ rows: rows.length, bytes: JSON.stringify(rows).length });
    return rows;
  };
  return new Proxy(reader, {
    get: (target, name: keyof Reader) => {
      const value = target[name];
      if (name !== 'query' && name !== 'readKeys') return value;
      // biome-ignore lint/suspicious/noExplicitAny: passes on whatever it is called with
      return async (...args: readonly any[]) => note(await (value as any).apply(target, args));
    },
  });
}

/** Reads all pages, and returns the test ids of each. */
async function pagesOf(db: Database, given: Partial<TestResultsRequest>, reads: Fetched[] = []) {
  const pages: string[][] = [];
  let after: PageRequest['after'];
  do {
    const request = { rowIds, limit: 1000, ...given, after };
    const page = await testResultsPage(
      { read: (fn) => db.read((reader) => fn(measured(reader, reads))) },
      request,
    );
    pages.push(page.items.map(({ testId }) => testId));
    after = page.next;
  } while (after !== undefined);
  return pages;
}

eachDatabase((open) => {
  test('pages of rows whose 600 KB are shown twice have at most 4 MB, and no read holds more', async () => {
    const db = await open();
    const variant = variantOf(600_000);
    const ids = Array.from({ length: 20 }, (_, index) => `t${10 + index}`);
    for (const testId of ids) {
      await db.write((tx) => recordTestResults(tx, A, [newTestResult(testId, { variant })]));
    }
    const reads: Fetched[] = [];
    const pages = await pagesOf(db, {}, reads);
    expect(pages.map(({ length }) => length)).toEqual([3, 3, 3, 3, 3, 3, 2]);
    expect(pages.flat()).toEqual(ids);
    expect(Math.max(...reads.map(({ bytes }) => bytes))).toBeLessThan(1.1 * MAX_PAGE_BYTES);
  });

  test('long rows among short ones come whole and in their places', async () => {
    const db = await open();
    const results = Array.from({ length: 30 }, (_, index) => {
      const bytes = [10, 9_000, 80_000][index % 3] ?? 0;
      return newTestResult(`t${100 + index}`, {
        variant: variantOf(bytes),
        summaryHtml: 'é'.repeat(bytes),
      });
    });
    await db.write((tx) => recordTestResults(tx, A, results));
    const page = await testResultsPage(db, { rowIds, limit: 1000 });
    expect(page.items).toMatchObject(results);
    expect(page.next).toBeUndefined();
    const exonerated = results.map(({ testId, variant, summaryHtml }) =>
      newExoneration(testId, { variant, explanationHtml: summaryHtml }),
    );
    await db.write((tx) => recordExonerations(tx, A, exonerated));
    const found = await exonerationsPage(db, { rowIds, limit: 1000 });
    expect(found.items).toMatchObject(exonerated);
  });

  test('one query of any page holds some megabytes, however many rows are wanted', async () => {
    const db = await open();
    const summaryHtml = 's'.repeat(7_000);
    const results = Array.from({ length: 1_500 }, (_, index) =>
      newTestResult(`t${10_000 + index}`, { summaryHtml }),
    );
    await db.write((tx) => recordTestResults(tx, A, results));
    const reads: Fetched[] = [];
    const pages = await pagesOf(db, { limit: 10_000 }, reads);
    expect(pages.flat()).toHaveLength(1_500);
    expect(Math.max(...reads.map(({ rows }) => rows))).toBe(LongRows.maxRows);
    expect(Math.max(...reads.map(({ bytes }) => bytes))).toBeLessThan(8 * MB);
  });

  test('a property that is not wanted is not read, and counts nothing', async () => {
    const db = await open();
    const summaryHtml = 's'.repeat(600_000);
    const tags = [{ key: 'k', value: 'v'.repeat(600_000) }];
    const results = ['t1', 't2', 't3', 't4'].map((testId) =>
      newTestResult(testId, { summaryHtml, tags }),
    );
    await db.write((tx) => recordTestResults(tx, A, results));
    const reads: Fetched[] = [];
    expect(await pagesOf(db, {}, reads)).toHaveLength(2);
    reads.length = 0;
    const omitted = new Set(['summaryHtml', 'tags'] as const);
    expect(await pagesOf(db, { omitted }, reads)).toEqual([['t1', 't2', 't3', 't4']]);
    expect(Math.max(...reads.map(({ bytes }) => bytes))).toBeLessThan(10_000);
    const page = await testResultsPage(db, { rowIds, limit: 1, omitted });
    expect(page.items).toMatchObject([{ testId: 't1', summaryHtml: '', tags: [] }]);
  });

  test('rows are not copied unless columns are omitted', async () => {
    const db = await open();
    await db.write((tx) => recordTestResults(tx, A, [newTestResult('t1'), newTestResult('t2')]));
    await db.read(async (reader) => {
      const returned: object[] = [];
      const noting = Object.assign(Object.create(reader) as Reader, {
        query: async (...query: Parameters<Reader['query']>) => {
          const rows = await reader.query(...query);
          returned.push(...rows);
          return rows;
        },
      });
      const rows = new LongRows(noting, { table: testResults, long: ['variant', 'tags'] });
      const groups = rows.read(sql`${rows.select} ORDER BY test_id`);
      for await (const group of groups) {
        for (const [index, { row }] of group.entries()) expect(row).toBe(returned[index]);
      }
      expect(returned).toHaveLength(2);
    });
  });
});
