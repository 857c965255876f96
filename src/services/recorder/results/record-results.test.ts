import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../../test/support/databases/databases.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../../test/support/server/rpc-services.ts';
import {
  BatchCreateTestExonerationsRequestSchema,
  BatchCreateTestResultsRequestSchema,
  CreateTestExonerationRequestSchema,
  CreateTestResultRequestSchema,
} from '../../../gen/luci/resultdb/v1/recorder_pb.js';
import { GetTestExonerationRequestSchema } from '../../../gen/luci/resultdb/v1/resultdb_pb.js';
import {
  ExonerationReason,
  type TestResultSchema,
  TestStatus,
} from '../../../gen/luci/resultdb/v1/test_result_pb.js';
import { parseInvocationId } from '../../../invocations/id.ts';
import { countTestResults } from '../../../results/test-results.ts';
import { toDuration, toTimestamp } from '../../shared/timestamp.ts';

type ResultInit = MessageInitShape<typeof TestResultSchema>;

const invocation = 'invocations/u-inv';
const valid = { testId: 'a/b', resultId: 'r', status: TestStatus.PASS, expected: true };

function record(services: Services, init: ResultInit, context = services.owner('u-inv')) {
  return services.recorder.createTestResult(
    create(CreateTestResultRequestSchema, { invocation, testResult: init }),
    context,
  );
}

function batchRequest(...results: readonly ResultInit[]) {
  return create(BatchCreateTestResultsRequestSchema, {
    invocation,
    requests: results.map((testResult) => ({ testResult })),
  });
}

function count(services: Services): Promise<number> {
  return services.db.read((tx) => countTestResults(tx, [parseInvocationId('u-inv')]));
}

describe('a test result is refused', () => {
  const location = { repo: 'https://example.com/repo', fileName: '//a.ts', line: 1 };
  test.each<[string, ResultInit]>([
    ['test_id_structured: unspecified', { testId: '' }],
    ['test_id: case_name: longer than 512 bytes', { testId: 'a'.repeat(513) }],
    ["test_id: non-printable rune '\\a' at byte index 1", { testId: 'a\u0007' }],
    ['test_id: not in unicode normalized form C', { testId: 'e\u0301' }],
    ['result_id: must not be empty', { resultId: '' }],
    ['result_id: does not match', { resultId: 'A' }],
    ['result_id: does not match', { resultId: 'a'.repeat(33) }],
    ['variant: "1":"a": key: does not match', { variant: { def: { '1': 'a' } } }],
    [
      `variant: "a":"${'b'.repeat(257)}": value: has 257 bytes`,
      { variant: { def: { a: 'b'.repeat(257) } } },
    ],
    [
      'variant: got 1045 bytes; exceeds the maximum size of 1024 bytes',
      {
        variant: {
          def: Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`k${i}`, 'b'.repeat(199)])),
        },
      },
    ],
    ["value: non-printable rune '\\n' at byte index 1", { variant: { def: { a: '1\nb:2' } } }],
    ["value: non-printable rune '\\u2028'", { variant: { def: { a: '1\u2028' } } }],
    ["value: non-printable rune '\\u202e'", { variant: { def: { a: '\u202e1' } } }],
    ["value: non-printable rune '\\ufeff'", { variant: { def: { a: '\ufeff1' } } }],
    ['value: not in unicode normalized form C', { variant: { def: { a: 'e\u0301' } } }],
    ['summary_html: has 4097 bytes', { summaryHtml: 'a'.repeat(4097) }],
    ['summary_html: must not contain NUL', { summaryHtml: '\0' }],
    ['start_time: must be at most 10 minutes in the future', { startTime: toTimestamp(4e12) }],
    ['duration: must not be negative', { duration: toDuration(-1) }],
    [
      'start_time + duration: must be at most 10 minutes in the future',
      { startTime: toTimestamp(Date.UTC(2026, 0, 2, 3, 4, 4)), duration: toDuration(601_000_001) },
    ],
    ['tags: "":"v": key: must not be empty', { tags: [{ value: 'v' }] }],
    [
      'tags: have 17',
      { tags: Array.from({ length: 70 }, () => ({ key: 'a', value: 'b'.repeat(250) })) },
    ],
    ['test_location: file_name: must not be empty', { testLocation: {} }],
    ['test_location: file_name: must start with //', { testLocation: { fileName: 'a' } }],
    ['file_name: must not contain a backslash', { testLocation: { fileName: '//a\\b' } }],
    ['file_name: must not end with /', { testLocation: { fileName: '//a/' } }],
    ['file_name: has 513 bytes', { testLocation: { fileName: `//${'a'.repeat(511)}` } }],
    ['line: must not be negative', { testLocation: { fileName: '//a', line: -1 } }],
    [
      'test_metadata: location: repo: must not be empty',
      { testMetadata: { location: { ...location, repo: '' } } },
    ],
    [
      'test_metadata: location: repo: must start with https://',
      { testMetadata: { location: { ...location, repo: 'http://example.com/repo' } } },
    ],
    [
      'test_metadata: location: repo: must not end with .git',
      { testMetadata: { location: { ...location, repo: 'https://example.com/repo.git' } } },
    ],
  ])('%s', async (message, init) => {
    const services = await openServices(await openTestPglite({ migrated: false }));
    await expect(record(services, { ...valid, ...init })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/^test_result: /),
    });
    await expect(record(services, { ...valid, ...init })).rejects.toThrow(message);
  });
});

describe('a batch of results is refused', () => {
  const other = { ...valid, resultId: 's' };
  const many = Array.from({ length: 501 }, (_, index) => ({ ...valid, resultId: `${index}` }));
  test.each([
    ['invocation: not the name', { ...batchRequest(), invocation: 'u-inv' }],
    ['requests: 501 requests in a batch; at most 500', batchRequest(...many)],
    [
      'requests[1]: test_result: test_id_structured: unspecified',
      batchRequest(valid, { ...other, testId: '' }),
    ],
    ['requests[2]: the same as requests[0]: r a/b', batchRequest(valid, other, valid)],
    ['request_id: does not match', { ...batchRequest(valid), requestId: '☃' }],
    [
      'requests[0]: invocation: must be empty or "invocations/u-inv", as in the batch',
      create(BatchCreateTestResultsRequestSchema, {
        invocation,
        requests: [{ invocation: 'invocations/u-other', testResult: valid }],
      }),
    ],
    [
      'requests[0]: request_id: must be empty or "r", as in the batch',
      create(BatchCreateTestResultsRequestSchema, {
        invocation,
        requestId: 'r',
        requests: [{ requestId: 's', testResult: valid }],
      }),
    ],
    [
      'requests[0]: test_result: unspecified',
      create(BatchCreateTestResultsRequestSchema, { invocation, requests: [{}] }),
    ],
  ])('%s', async (message, request) => {
    const services = await openServices(await openTestPglite({ migrated: false }));
    await expect(
      services.recorder.batchCreateTestResults(request, services.owner('u-inv')),
    ).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(message),
    });
  });
});

eachDatabase((open) => {
  test('results need a token, and an ACTIVE invocation', async () => {
    const services = await openServices(await open());
    await expect(record(services, valid, contextOf(OWNER))).rejects.toMatchObject({
      code: 'unauthenticated',
    });
    await expect(record(services, valid)).rejects.toMatchObject({ code: 'not-found' });
    await services.create('u-inv', { state: 2 });
    await expect(record(services, valid)).rejects.toMatchObject({ code: 'failed-precondition' });
  });

  test('a result is returned as reads will show it', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    const now = services.clock.now();
    const full: ResultInit = {
      testId: 'suite/é b',
      resultId: 'r.1-a_b',
      variant: { def: { os: 'linux', browser: 'a:b c' } },
      expected: false,
      status: TestStatus.CRASH,
      summaryHtml: '<b>☃</b>',
      startTime: toTimestamp(now - 1.5),
      duration: toDuration(1_500),
      testLocation: { fileName: '//a.ts', line: 3 },
      testMetadata: {
        name: 'b',
        location: { repo: 'https://example.com/r', fileName: '//a.ts', line: 7 },
      },
      failureReason: { primaryErrorMessage: 'wanted 1,\ngot 2' },
    };
    const recorded = await record(services, {
      ...full,
      tags: [
        { key: 'k', value: '2' },
        { key: 'k', value: '1' },
      ],
    });
    expect(recorded).toMatchObject({
      ...full,
      name: 'invocations/u-inv/tests/suite%2F%C3%A9%20b/results/r.1-a_b',
      variantHash: expect.stringMatching(/^[0-9a-f]{16}$/),
      tags: [{ value: '1' }, { value: '2' }],
    });
    const read = await services.resultDb.getTestResult(
      { $typeName: 'luci.resultdb.v1.GetTestResultRequest', name: recorded.name },
      contextOf(OWNER),
    );
    expect(read).toEqual(recorded);
  });

  test('a repeated upload changes nothing, and counts nothing twice', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    const request = batchRequest(valid, { ...valid, resultId: 's' });
    const first = await services.recorder.batchCreateTestResults(request, services.owner('u-inv'));
    expect(
      await services.recorder.batchCreateTestResults(request, services.owner('u-inv')),
    ).toEqual(first);
    expect(await count(services)).toBe(2);
  });

  test('500 results are recorded by one call, in the order of the requests', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    const results = Array.from({ length: 500 }, (_, index) => ({
      ...valid,
      testId: `test ${index}`,
    }));
    const { testResults } = await services.recorder.batchCreateTestResults(
      batchRequest(...results),
      services.owner('u-inv'),
    );
    expect(testResults.map(({ testId }) => testId)).toEqual(results.map(({ testId }) => testId));
    expect(await count(services)).toBe(500);
  });

  test('an empty batch is fine', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    const { testResults } = await services.recorder.batchCreateTestResults(
      batchRequest(),
      services.owner('u-inv'),
    );
    expect(testResults).toEqual([]);
  });

  describe('exonerations', () => {
    const exoneration = {
      testId: 'a/b',
      variant: { def: { k: 'v' } },
      explanationHtml: 'also <i>without</i> the change',
      reason: ExonerationReason.OCCURS_ON_MAINLINE,
    };
    const hash = 'b1618cc2bf370a7c';

    function exonerate(services: Services, requestId: string, caller = OWNER) {
      return services.recorder.batchCreateTestExonerations(
        create(BatchCreateTestExonerationsRequestSchema, {
          invocation,
          requestId,
          requests: [{ testExoneration: exoneration }, { testExoneration: exoneration }],
        }),
        services.owner('u-inv', caller),
      );
    }

    test('without a request id are new each time', async () => {
      const services = await openServices(await open());
      await services.create('u-inv');
      const all = [await exonerate(services, ''), await exonerate(services, '')];
      const ids = all.flatMap((each) => each.testExonerations.map((one) => one.exonerationId));
      expect(new Set(ids).size).toBe(4);
      for (const id of ids) expect(id).toMatch(/^b1618cc2bf370a7c:r:[0-9a-f]{32}$/);
    });

    test('with a request id are the same for the same caller', async () => {
      const services = await openServices(await open());
      await services.create('u-inv');
      const first = await exonerate(services, 'r');
      expect(await exonerate(services, 'r')).toEqual(first);
      const [a, b] = first.testExonerations.map(({ exonerationId }) => exonerationId);
      expect(a).toMatch(/^b1618cc2bf370a7c:d:[0-9a-f]{128}$/);
      expect(b).not.toBe(a);
      const other = await exonerate(services, 'r', 'user:other@example.com');
      expect(other.testExonerations[0]?.exonerationId).not.toBe(a);
    });

    test('are returned as reads will show them', async () => {
      const services = await openServices(await open());
      await services.create('u-inv');
      const recorded = await services.recorder.createTestExoneration(
        create(CreateTestExonerationRequestSchema, { invocation, testExoneration: exoneration }),
        services.owner('u-inv'),
      );
      expect(recorded).toMatchObject({ ...exoneration, variantHash: 'b1618cc2bf370a7c' });
      const read = await services.resultDb.getTestExoneration(
        { $typeName: 'luci.resultdb.v1.GetTestExonerationRequest', name: recorded.name },
        contextOf(OWNER),
      );
      expect(read).toEqual(recorded);
    });

    test('of old clients may know only the hash of the variant', async () => {
      const services = await openServices(await open());
      await services.create('u-inv');
      const { variant: _, ...old } = exoneration;
      const recorded = await services.recorder.createTestExoneration(
        create(CreateTestExonerationRequestSchema, {
          invocation,
          testExoneration: { ...old, variantHash: hash },
        }),
        services.owner('u-inv'),
      );
      expect(recorded.exonerationId).toMatch(`${hash}:r:`);
      expect(recorded).toMatchObject({ variant: { def: {} }, variantHash: hash });
      const request = create(GetTestExonerationRequestSchema, { name: recorded.name });
      const read = await services.resultDb.getTestExoneration(request, contextOf(OWNER));
      expect(read).toEqual(recorded);
    });

    test.each([
      ['test_exoneration: unspecified', {}],
      ['test_exoneration: test_id_structured: unspecified', { testExoneration: {} }],
      [
        'test_exoneration: explanation_html: has 4097 bytes',
        { testExoneration: { ...exoneration, explanationHtml: 'a'.repeat(4097) } },
      ],
      [
        'test_exoneration: explanation_html: unspecified',
        { testExoneration: { ...exoneration, explanationHtml: '' } },
      ],
      [
        'test_exoneration: reason: unspecified',
        { testExoneration: { ...exoneration, reason: 0 as ExonerationReason } },
      ],
      [
        'test_exoneration: reason: invalid value -1',
        { testExoneration: { ...exoneration, reason: -1 as ExonerationReason } },
      ],
      [
        "test_exoneration: computed and supplied variant hash don't match",
        { testExoneration: { ...exoneration, variantHash: '0123456789abcdef' } },
      ],
      [
        'test_exoneration: variant_hash: variant hash zz must match ^[0-9a-f]{16}$',
        { testExoneration: { ...exoneration, variant: {}, variantHash: 'zz' } },
      ],
      ['request_id: does not match', { requestId: '☃', testExoneration: exoneration }],
    ])('are refused: %s', async (message, init) => {
      const services = await openServices(await open());
      const request = create(CreateTestExonerationRequestSchema, { invocation, ...init });
      await expect(
        services.recorder.createTestExoneration(request, services.owner('u-inv')),
      ).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining(message),
      });
    });
  });
});
