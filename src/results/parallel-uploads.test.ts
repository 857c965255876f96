import type { Database } from '@postlude/queue/storage';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../test/support/databases/databases.ts';
import {
  invocationId,
  newInvocation,
  newTestResult,
} from '../../test/support/invocations/fixtures.ts';
import { toRowOrder } from '../invocations/id.ts';
import { insertInvocations, requireActive } from '../invocations/invocations.ts';
import type { NewTestResult } from './test-result.ts';
import { recordTestResults, testResultsPage } from './test-results.ts';

const INV = invocationId('inv');

/** Uploads as a server does; `before` is called before each try writes and commits. */
async function upload(
  db: Database,
  results: readonly NewTestResult[],
  before: () => Promise<unknown>,
): Promise<void> {
  await db.write(async (tx) => {
    await requireActive(tx, INV);
    await recordTestResults(tx, INV, results);
    await before();
  });
}

async function openInvocation(db: Database): Promise<void> {
  await db.write((tx) => insertInvocations(tx, [newInvocation('inv')]));
}

async function stored(db: Database): Promise<[string, string][]> {
  const request = { rowIds: toRowOrder([INV]), limit: 1000 };
  const { items } = await testResultsPage(db, request);
  return items.map(({ summaryHtml, testId }) => [testId, summaryHtml]);
}

eachDatabase((open, name) => {
  test.runIf(name === 'postgres')(
    'two uploads to one invocation that overlap both commit at their first try',
    async () => {
      const db = await open();
      await openInvocation(db);
      let tries = 0;
      const bothAreOpen = Promise.withResolvers<void>();
      const meet = (): Promise<void> => {
        tries += 1;
        if (tries === 2) bothAreOpen.resolve();
        return bothAreOpen.promise;
      };
      const ids = Array.from({ length: 500 }, (_, index) => `test ${index}`);
      const [even, odd] = [0, 1].map((rest) =>
        ids.filter((_, index) => index % 2 === rest).map((id) => newTestResult(id)),
      );
      await Promise.all([upload(db, even ?? [], meet), upload(db, odd ?? [], meet)]);
      expect(tries).toBe(2);
      expect(await stored(db)).toHaveLength(500);
    },
  );

  test('whatever uploads overlap and repeat, each result is stored once, as it was sent', async () => {
    const db = await open();
    await openInvocation(db);
    const batch = fc.uniqueArray(fc.nat(19), { minLength: 1, maxLength: 8 });
    const model = new Map<string, string>();
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 4 }), async (batches) => {
        const results = batches.map((numbers) =>
          numbers.map((number) => newTestResult(`t${number}`, { summaryHtml: `<p>${number}</p>` })),
        );
        for (const { testId, summaryHtml } of results.flat()) model.set(testId, summaryHtml);
        await Promise.all(results.map((each) => upload(db, each, () => Promise.resolve())));
        expect(await stored(db)).toEqual([...model].sort());
      }),
      { numRuns: name === 'spanner' ? 2 : 8 },
    );
  });
});
