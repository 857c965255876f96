import { create, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import { newTestResult } from '../../../test/support/invocations/fixtures.ts';
import { contextOf, OWNER, openServices } from '../../../test/support/server/rpc-services.ts';
import {
  ListTestResultsRequestSchema,
  ListTestResultsResponseSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { parseInvocationId } from '../../invocations/id.ts';
import { recordTestResults } from '../../results/test-results.ts';

/** The limit of a message that clients of gRPC have by default. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

eachDatabase((open) => {
  test('each page of results of any form fits into a message, and together they are all', async () => {
    const services = await openServices(await open());
    await services.create('u-a');
    const many = Array.from({ length: 1_500 }, (_, index) => [`k${index}`, '']);
    const results = Array.from({ length: 300 }, (_, index) =>
      newTestResult(`${'%'.repeat(500)}${1_000 + index}`, {
        variant: Object.fromEntries(index % 2 ? many : []),
        tags: index % 2 ? [] : many.map(([key = '']) => ({ key, value: '' })),
        summaryHtml: 'é'.repeat(index % 3 ? 0 : 2_000),
      }),
    );
    const id = parseInvocationId('u-a');
    await services.db.write((tx) => recordTestResults(tx, id, results));
    const sizes: number[] = [];
    const found: string[] = [];
    let pageToken = '';
    do {
      const request = create(ListTestResultsRequestSchema, {
        invocation: 'invocations/u-a',
        readMask: { paths: ['*'] },
        pageToken,
      });
      const page = await services.resultDb.listTestResults(request, contextOf(OWNER));
      sizes.push(toBinary(ListTestResultsResponseSchema, page).length);
      found.push(...page.testResults.map(({ testId }) => testId));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(found).toEqual(results.map(({ testId }) => testId));
    expect(Math.max(...sizes)).toBeLessThan(MAX_MESSAGE_BYTES);
    expect(sizes[0]).toBeGreaterThan(MAX_MESSAGE_BYTES / 2);
  });
});
