import { create, type MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../test/support/databases/databases.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../test/support/server/rpc-services.ts';
import { TestResultPredicate_Expectancy as Expectancy } from '../../gen/luci/resultdb/v1/predicate_pb.js';
import {
  BatchCreateTestExonerationsRequestSchema,
  BatchCreateTestResultsRequestSchema,
} from '../../gen/luci/resultdb/v1/recorder_pb.js';
import {
  GetInvocationRequestSchema,
  GetTestExonerationRequestSchema,
  GetTestResultRequestSchema,
  ListTestExonerationsRequestSchema,
  ListTestResultsRequestSchema,
  QueryTestExonerationsRequestSchema,
  QueryTestResultsRequestSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { type TestResultSchema, TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { CountTestResultsRequestSchema } from '../../gen/postlude/v1/invocations_pb.js';
import { parseInvocationId, toRowId } from '../../invocations/id.ts';
import { type Permission, realmAuthorizer } from '../shared/permissions.ts';

const name = 'invocations/u-top';
const nobody = () => contextOf('user:nobody@example.com');
type ResultInit = MessageInitShape<typeof TestResultSchema>;
type QueryInit = MessageInitShape<typeof QueryTestResultsRequestSchema>;

async function record(services: Services, id: string, ...results: readonly ResultInit[]) {
  await services.recorder.batchCreateTestResults(
    create(BatchCreateTestResultsRequestSchema, {
      invocation: `invocations/${id}`,
      requests: results.map((result) => ({
        testResult: { status: TestStatus.PASS, expected: true, resultId: 'r', ...result },
      })),
    }),
    services.owner(id),
  );
}

async function exonerate(services: Services, id: string, ...testIds: readonly string[]) {
  await services.recorder.batchCreateTestExonerations(
    create(BatchCreateTestExonerationsRequestSchema, {
      invocation: `invocations/${id}`,
      requests: testIds.map((testId) => ({
        testExoneration: { testId, explanationHtml: 'known', reason: 1 },
      })),
    }),
    services.owner(id),
  );
}

function query(services: Services, init: QueryInit) {
  const request = create(QueryTestResultsRequestSchema, {
    invocations: ['invocations/u-top'],
    ...init,
  });
  return services.resultDb.queryTestResults(request, contextOf(OWNER));
}

async function queriedNames(services: Services, init: QueryInit = {}): Promise<string[]> {
  const names: string[] = [];
  let pageToken = '';
  do {
    const page = await query(services, { ...init, pageToken });
    names.push(...page.testResults.map(({ name }) => name));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return names;
}

function nameOf(id: string, testId: string, resultId = 'r'): string {
  return `invocations/${id}/tests/${testId}/results/${resultId}`;
}

/** u-top includes u-a and u-b, which include each other; u-out is not included. */
async function openGraph(services: Services): Promise<void> {
  for (const id of ['u-a', 'u-b', 'u-out']) await services.create(id);
  await services.create('u-top', { includedInvocations: ['invocations/u-a'] });
  await include(services, 'u-a', 'u-b');
  await include(services, 'u-b', 'u-a');
}

async function include(services: Services, id: string, other: string): Promise<void> {
  await services.recorder.updateIncludedInvocations(
    {
      $typeName: 'luci.resultdb.v1.UpdateIncludedInvocationsRequest',
      includingInvocation: `invocations/${id}`,
      addInvocations: [`invocations/${other}`],
      removeInvocations: [],
    },
    services.owner(id),
  );
}

/** Each method that reads, with the permission that it needs. */
const READS: readonly (readonly [Permission, (services: Services) => Promise<unknown>])[] = [
  [
    'resultdb.invocations.get',
    ({ resultDb }) =>
      resultDb.getInvocation(create(GetInvocationRequestSchema, { name }), nobody()),
  ],
  [
    'resultdb.testResults.get',
    ({ resultDb }) => {
      const request = { name: `${name}/tests/t/results/r` };
      return resultDb.getTestResult(create(GetTestResultRequestSchema, request), nobody());
    },
  ],
  [
    'resultdb.testExonerations.get',
    ({ resultDb }) => {
      const request = { name: `${name}/tests/t/exonerations/e` };
      return resultDb.getTestExoneration(
        create(GetTestExonerationRequestSchema, request),
        nobody(),
      );
    },
  ],
  [
    'resultdb.testResults.list',
    ({ resultDb }) => {
      const request = create(ListTestResultsRequestSchema, { invocation: name });
      return resultDb.listTestResults(request, nobody());
    },
  ],
  [
    'resultdb.testExonerations.list',
    ({ resultDb }) => {
      const request = create(ListTestExonerationsRequestSchema, { invocation: name });
      return resultDb.listTestExonerations(request, nobody());
    },
  ],
  ['resultdb.testResults.list', (services) => query(services, {})],
  [
    'resultdb.testResults.list',
    ({ invocations }) =>
      invocations.countTestResults(create(CountTestResultsRequestSchema, { name }), nobody()),
  ],
  [
    'resultdb.testExonerations.list',
    ({ resultDb }) => {
      const request = create(QueryTestExonerationsRequestSchema, { invocations: [name] });
      return resultDb.queryTestExonerations(request, nobody());
    },
  ],
];

describe('a query is refused', () => {
  test.each<[string, QueryInit]>([
    ['invocations: must name an invocation', { invocations: [] }],
    ['invocations[1]: not the name', { invocations: ['invocations/u-a', 'u-b'] }],
    ['max_staleness: must be from 0 to 30 minutes', { maxStaleness: { seconds: 1801n } }],
    ['max_staleness: must be from 0 to 30 minutes', { maxStaleness: { seconds: -1n } }],
  ])('%s', async (message, init) => {
    const services = await openServices(await openTestPglite({ migrated: false }));
    await expect(query(services, init)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(message),
    });
  });

  test.each<[string, QueryInit]>([
    ['page_size: must not be negative', { pageSize: -1 }],
    ['page_token: not a token of this request', { pageToken: 'x' }],
    ['read_mask: no field "nothing"', { readMask: { paths: ['nothing'] } }],
    ['predicate: test_id_regexp: not a valid RE2', { predicate: { testIdRegexp: '(' } }],
    ['predicate: test_id_regexp: not a valid RE2', { predicate: { testIdRegexp: '(?=a)b' } }],
    ['predicate: test_id_regexp: must not start', { predicate: { testIdRegexp: '^a' } }],
    ['predicate: test_id_regexp: must not end', { predicate: { testIdRegexp: 'a$' } }],
    ['predicate: variant: needs equals or contains', { predicate: { variant: {} } }],
    [
      'predicate: variant: contains: "A":"": key: does not match',
      {
        predicate: { variant: { predicate: { case: 'contains', value: { def: { A: '' } } } } },
      },
    ],
    ['predicate: exclude_exonerated and', { predicate: { excludeExonerated: true } }],
    ['predicate: expectancy: unknown value 9', { predicate: { expectancy: 9 as Expectancy } }],
  ])('for %s', async (message, init) => {
    const services = await openServices(await openTestPglite());
    await services.create('u-top');
    await expect(query(services, init)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(message),
    });
  });
});

eachDatabase((open) => {
  test('an invocation that does not exist is not found, whatever the permissions', async () => {
    const services = await openServices(await open(), { authorizer: realmAuthorizer({}) });
    for (const [, read] of READS) {
      await expect(read(services)).rejects.toMatchObject({
        code: 'not-found',
        message: 'invocations/u-top does not exist',
      });
    }
  });

  test('each read needs its permission in the realm of what it names', async () => {
    const db = await open();
    await openGraph(await openServices(db));
    const services = await openServices(db, { authorizer: realmAuthorizer({}) });
    for (const [permission, read] of READS) {
      await expect(read(services)).rejects.toMatchObject({
        code: 'permission-denied',
        message: expect.stringContaining(permission),
      });
    }
  });

  test('permission on the queried invocation is enough, whatever it includes', async () => {
    const db = await open();
    const all = await openServices(db);
    await all.create('u-child', { realm: 'secret:r' });
    await all.create('u-top', { includedInvocations: ['invocations/u-child'] });
    await record(all, 'u-child', { testId: 't' });
    const authorizer = realmAuthorizer({ 'p:r': { reader: ['anyone'] } });
    const services = await openServices(db, { authorizer });
    expect(await queriedNames(services)).toEqual([nameOf('u-child', 't')]);
  });

  test('a result that does not exist is not found', async () => {
    const services = await openServices(await open());
    await services.create('u-top');
    const missing = nameOf('u-top', 't');
    await expect(
      services.resultDb.getTestResult(
        create(GetTestResultRequestSchema, { name: missing }),
        contextOf(OWNER),
      ),
    ).rejects.toMatchObject({ code: 'not-found', message: `${missing} does not exist` });
  });

  test('a query returns everything reachable once, in row order', async () => {
    const services = await openServices(await open());
    await openGraph(services);
    for (const id of ['u-top', 'u-a', 'u-b', 'u-out']) {
      await record(services, id, { testId: 't2' }, { testId: 't1' });
    }
    const rowOrder = ['u-top', 'u-a', 'u-b'].toSorted((a, b) =>
      toRowId(parseInvocationId(a)) < toRowId(parseInvocationId(b)) ? -1 : 1,
    );
    const expected = rowOrder.flatMap((id) => [nameOf(id, 't1'), nameOf(id, 't2')]);
    expect(await queriedNames(services)).toEqual(expected);
    const both = { invocations: ['invocations/u-a', 'invocations/u-top'] };
    expect(await queriedNames(services, both)).toEqual(expected);
  });

  test('a list returns what the invocation itself recorded', async () => {
    const services = await openServices(await open());
    await openGraph(services);
    await record(services, 'u-top', { testId: 't', resultId: 'b' }, { testId: 't', resultId: 'a' });
    await record(services, 'u-a', { testId: 't' });
    await exonerate(services, 'u-top', 'x');
    await exonerate(services, 'u-a', 'y');
    const results = await services.resultDb.listTestResults(
      create(ListTestResultsRequestSchema, { invocation: 'invocations/u-top' }),
      contextOf(OWNER),
    );
    expect(results.testResults.map(({ resultId }) => resultId)).toEqual(['a', 'b']);
    const exonerations = await services.resultDb.listTestExonerations(
      create(ListTestExonerationsRequestSchema, { invocation: 'invocations/u-top' }),
      contextOf(OWNER),
    );
    expect(exonerations.testExonerations.map(({ testId }) => testId)).toEqual(['x']);
  });

  test('pages of any size add up to the whole, and the last has no token', async () => {
    const services = await openServices(await open());
    await openGraph(services);
    for (const id of ['u-top', 'u-a', 'u-b']) {
      await record(services, id, ...['é', '1', 'b', 'a'].map((testId) => ({ testId })));
    }
    const whole = await queriedNames(services);
    expect(whole).toHaveLength(12);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 13 }), async (pageSize) => {
        expect(await queriedNames(services, { pageSize })).toEqual(whole);
      }),
      { numRuns: 13 },
    );
  });

  test('results recorded after the page are on the next page', async () => {
    const services = await openServices(await open());
    await services.create('u-top');
    await record(services, 'u-top', { testId: 'a' }, { testId: 'c' });
    const first = await query(services, { pageSize: 1 });
    await record(services, 'u-top', { testId: 'b' }, { testId: '0' });
    const second = await query(services, { pageSize: 9, pageToken: first.nextPageToken });
    expect(second.testResults.map(({ testId }) => testId)).toEqual(['b', 'c']);
  });

  test('a mask chooses fields; without one, long ones are left out', async () => {
    const services = await openServices(await open());
    await services.create('u-top');
    const long = {
      summaryHtml: 's',
      tags: [{ key: 'k', value: 'v' }],
      testMetadata: { name: 'n' },
      properties: { a: 1 },
    };
    await record(services, 'u-top', { testId: 't', ...long });
    const [plain] = (await query(services, {})).testResults;
    expect(plain).toMatchObject({ testId: 't', summaryHtml: '', tags: [] });
    expect(plain?.testMetadata).toBeUndefined();
    expect(plain?.properties).toBeUndefined();
    const [masked] = (await query(services, { readMask: { paths: ['tags'] } })).testResults;
    expect(masked).toMatchObject({ name: nameOf('u-top', 't'), testId: '', tags: long.tags });
    const [whole] = (await query(services, { readMask: { paths: ['*'] } })).testResults;
    expect(whole).toMatchObject(long);
  });

  describe('predicates apply to everything that is reachable', () => {
    async function openMixed(): Promise<Services> {
      const services = await openServices(await open());
      await openGraph(services);
      const bad = { expected: false, status: TestStatus.FAIL };
      await record(services, 'u-a', { testId: 'flaky', ...bad }, { testId: 'broken', ...bad });
      await record(services, 'u-b', { testId: 'flaky' }, { testId: 'fine' });
      await record(services, 'u-out', { testId: 'fine', ...bad });
      return services;
    }

    async function testIds(services: Services, init: QueryInit['predicate']): Promise<string[]> {
      const names = await queriedNames(services, { predicate: init });
      return names.map((name) => name.split('/')[3] ?? '').sort();
    }

    test('by expectancy', async () => {
      const services = await openMixed();
      const only = Expectancy.VARIANTS_WITH_ONLY_UNEXPECTED_RESULTS;
      const some = Expectancy.VARIANTS_WITH_UNEXPECTED_RESULTS;
      expect(await testIds(services, {})).toEqual(['broken', 'fine', 'flaky', 'flaky']);
      expect(await testIds(services, { expectancy: some })).toEqual(['broken', 'flaky', 'flaky']);
      expect(await testIds(services, { expectancy: only })).toEqual(['broken']);
      await exonerate(services, 'u-top', 'broken');
      expect(await testIds(services, { expectancy: some, excludeExonerated: true })).toEqual([
        'flaky',
        'flaky',
      ]);
    });

    test('by test id, as a whole', async () => {
      const services = await openMixed();
      expect(await testIds(services, { testIdRegexp: 'f.*y' })).toEqual(['flaky', 'flaky']);
      expect(await testIds(services, { testIdRegexp: 'f' })).toEqual([]);
      expect(await testIds(services, { testIdRegexp: 'fine|broken' })).toEqual(['broken', 'fine']);
    });

    test('by variant', async () => {
      const services = await openServices(await open());
      await services.create('u-top');
      const linux = { def: { os: 'linux' } };
      const both = { def: { os: 'linux', arch: 'arm' } };
      await record(services, 'u-top', { testId: 'a', variant: linux });
      await record(services, 'u-top', { testId: 'b', variant: both });
      const by = (kind: 'equals' | 'contains', value: typeof linux) =>
        testIds(services, { variant: { predicate: { case: kind, value } } });
      expect(await by('equals', linux)).toEqual(['a']);
      expect(await by('contains', linux)).toEqual(['a', 'b']);
      expect(await by('contains', both)).toEqual(['b']);
      expect(await by('contains', { def: { os: 'mac' } })).toEqual([]);
    });
  });

  test('exonerations are queried through inclusions, by page and predicate', async () => {
    const services = await openServices(await open());
    await openGraph(services);
    await exonerate(services, 'u-a', 'x', 'y');
    await exonerate(services, 'u-b', 'x');
    await exonerate(services, 'u-out', 'x');
    const ask = (init: MessageInitShape<typeof QueryTestExonerationsRequestSchema>) =>
      services.resultDb.queryTestExonerations(
        create(QueryTestExonerationsRequestSchema, { invocations: ['invocations/u-top'], ...init }),
        contextOf(OWNER),
      );
    expect((await ask({})).testExonerations).toHaveLength(3);
    const predicate = { testIdRegexp: 'x' };
    const first = await ask({ predicate, pageSize: 1 });
    const second = await ask({ predicate, pageSize: 5, pageToken: first.nextPageToken });
    expect(
      [...first.testExonerations, ...second.testExonerations].map(({ testId }) => testId),
    ).toEqual(['x', 'x']);
    expect(second.nextPageToken).toBe('');
    await expect(ask({ pageToken: first.nextPageToken })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});
