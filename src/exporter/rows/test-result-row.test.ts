import { create, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { expectColumns } from '../../../test/support/exports/expect-columns.ts';
import { SOURCES } from '../../../test/support/exports/export-rows.ts';
import { FailureReasonSchema } from '../../gen/luci/resultdb/v1/failure_reason_pb.js';
import { SourcesSchema } from '../../gen/luci/resultdb/v1/source_pb.js';
import {
  TestLocationSchema,
  TestMetadataSchema,
} from '../../gen/luci/resultdb/v1/test_metadata_pb.js';
import {
  SkippedReason_Kind,
  SkipReason,
  TestResultSchema,
  WebTest_Status,
} from '../../gen/luci/resultdb/v1/test_result_pb.js';
import type { InvocationId } from '../../invocations/id.ts';
import type { TestResult } from '../../results/test-result.ts';
import { TEST_RESULT_COLUMNS } from './schema.ts';
import { toSourcesRecord } from './sources-record.ts';
import { type RowContext, toRow } from './test-result-row.ts';

const location = { repo: 'https://git.example/r', fileName: '//a/b.ts', line: 7 };
const RESULT: TestResult = {
  invocationId: 'shard-1' as InvocationId,
  testId: 'cart › adds „Käse“ 🧀',
  resultId: 'r1',
  variant: { os: 'linux', arch: 'arm' },
  variantHash: '0123456789abcdef',
  expected: false,
  status: 'CRASH',
  summaryHtml: '<p>it broke</p>',
  startTime: Date.UTC(2026, 0, 2) + 0.001,
  durationMicros: 1_500_001,
  tags: [{ key: 'owner', value: 'shop' }],
  testLocation: toBinary(TestLocationSchema, create(TestLocationSchema, location)),
  testMetadata: toBinary(
    TestMetadataSchema,
    create(TestMetadataSchema, {
      name: 'adds cheese',
      location,
      bugComponent: { system: { case: 'issueTracker', value: { componentId: 5n } } },
      properties: { owner: 'shop' },
      previousTestId: 'old',
    }),
  ),
  failureReason: toBinary(
    FailureReasonSchema,
    create(FailureReasonSchema, {
      errors: [{ message: 'no cheese', trace: 'at a' }, { message: 'nor bread' }],
      truncatedErrorsCount: 3,
    }),
  ),
  details: toBinary(
    TestResultSchema,
    create(TestResultSchema, {
      properties: { shard: 1 },
      skipReason: SkipReason.AUTOMATICALLY_DISABLED_FOR_FLAKINESS,
      skippedReason: { kind: SkippedReason_Kind.OTHER, reasonMessage: 'no cheese', trace: 'at b' },
      frameworkExtensions: { webTest: { isExpected: false, status: WebTest_Status.CRASH } },
    }),
  ),
};
const CONTEXT: RowContext = {
  exported: { id: 'build-1', tags: [{ key: 'a', value: 'b' }], realm: 'acme:ci', properties: '{}' },
  parent: { id: 'shard-1', tags: [], realm: 'acme:ci', properties: undefined },
  sources: SOURCES,
  exonerated: true,
  partitionTime: Date.UTC(2026, 0, 1) * 1000,
  insertTime: Date.UTC(2026, 0, 3) * 1000,
};
const LOCATION_RECORD = { repo: 'https://git.example/r', file_name: '//a/b.ts', line: 7 };

test('a result fills every column', () => {
  expect(toRow(RESULT, CONTEXT)).toEqual({
    exported: CONTEXT.exported,
    parent: { id: 'shard-1', tags: [], realm: 'acme:ci' },
    test_id: 'cart › adds „Käse“ 🧀',
    result_id: 'r1',
    variant: [
      { key: 'arch', value: 'arm' },
      { key: 'os', value: 'linux' },
    ],
    variant_hash: '0123456789abcdef',
    expected: false,
    status: 'CRASH',
    summary_html: '<p>it broke</p>',
    start_time: Date.UTC(2026, 0, 2) * 1000 + 1,
    duration: 1.500001,
    tags: [{ key: 'owner', value: 'shop' }],
    exonerated: true,
    partition_time: Date.UTC(2026, 0, 1) * 1000,
    test_location: LOCATION_RECORD,
    test_metadata: {
      name: 'adds cheese',
      location: LOCATION_RECORD,
      bug_component: { issue_tracker: { component_id: 5 } },
      properties: '{"owner":"shop"}',
      previous_test_id: 'old',
    },
    failure_reason: {
      primary_error_message: 'no cheese',
      kind: 'CRASH',
      errors: [
        { message: 'no cheese', trace: 'at a' },
        { message: 'nor bread', trace: '' },
      ],
      truncated_errors_count: 3,
    },
    insert_time: Date.UTC(2026, 0, 3) * 1000,
    properties: '{"shard":1}',
    sources: SOURCES,
    skip_reason: 'AUTOMATICALLY_DISABLED_FOR_FLAKINESS',
    test_id_structured: {
      module_name: 'legacy',
      module_scheme: 'legacy',
      module_variant: '{"arch":"arm","os":"linux"}',
      module_variant_hash: '0123456789abcdef',
      coarse_name: '',
      fine_name: '',
      case_name: 'cart › adds „Käse“ 🧀',
    },
    status_v2: 'FAILED',
    skipped_reason: { kind: 'OTHER', reason_message: 'no cheese', trace: 'at b' },
    framework_extensions: { web_test: { is_expected: false, status: 'CRASH' } },
  });
});

test('a row has the properties of the schema, in its order, at every level', () => {
  expectColumns(toRow(RESULT, CONTEXT), TEST_RESULT_COLUMNS);
});

test('what a result leaves out is NULL, and lists are empty', () => {
  const bare: TestResult = {
    ...RESULT,
    variant: {},
    tags: [],
    summaryHtml: '',
    startTime: undefined,
    durationMicros: undefined,
    testLocation: undefined,
    testMetadata: undefined,
    failureReason: undefined,
    details: undefined,
    expected: true,
    status: 'PASS',
  };
  const row = toRow(bare, { ...CONTEXT, sources: undefined });
  expect(row.variant).toEqual([]);
  expect(row.tags).toEqual([]);
  for (const name of [
    'summary_html',
    'start_time',
    'duration',
    'test_location',
    'test_metadata',
    'failure_reason',
    'properties',
    'sources',
    'skip_reason',
    'skipped_reason',
    'framework_extensions',
  ]) {
    expect(row).toHaveProperty(name, undefined);
  }
});

test('a test may have metadata without a location', () => {
  const testMetadata = toBinary(TestMetadataSchema, create(TestMetadataSchema, { name: 'n' }));
  const row = toRow({ ...RESULT, testMetadata }, CONTEXT);
  expect(row.test_metadata).toEqual({ name: 'n' });
});

test('the parts of a structured id are columns', () => {
  const row = toRow({ ...RESULT, testId: ':cart!junit:shop:Cheese#adds' }, CONTEXT);
  expect(row.test_id_structured).toMatchObject({
    module_name: 'cart',
    module_scheme: 'junit',
    coarse_name: 'shop',
    fine_name: 'Cheese',
    case_name: 'adds',
  });
});

test('what a failed result does not tell follows from its status', () => {
  const row = toRow({ ...RESULT, status: 'ABORT', failureReason: undefined }, CONTEXT);
  expect(row.failure_reason).toMatchObject({ kind: 'TIMEOUT', errors: [] });
});

test('sources with a build of Android have no commit', () => {
  const value = { dataRealm: 'prod', branch: 'main', buildId: 9n };
  const baseSources = { case: 'submittedAndroidBuild', value } as const;
  expect(toSourcesRecord(create(SourcesSchema, { baseSources }))).toEqual({
    gitiles_commit: undefined,
    changelists: [],
    is_dirty: false,
    submitted_android_build: SOURCES.submitted_android_build,
  });
});

test('a zero duration is not a missing one', () => {
  expect(toRow({ ...RESULT, durationMicros: 0 }, CONTEXT).duration).toBe(0);
});

test.each([
  ['a'.repeat(600_000), 600_000],
  ['é'.repeat(300_000), 600_000],
])('a summary of 600,000 bytes stays whole', (summaryHtml, bytes) => {
  const row = toRow({ ...RESULT, summaryHtml }, CONTEXT);
  expect(row.summary_html).toBe(summaryHtml);
  expect(Buffer.byteLength(summaryHtml)).toBe(bytes);
});

test.each([
  ['one byte more', 'a'.repeat(600_001), 600_000],
  ['a character across the limit', `a${'é'.repeat(300_000)}`, 599_999],
  ['an emoji across the limit', `aa${'🧀'.repeat(200_000)}`, 599_998],
])('a longer summary is cut between characters and marked: %s', (_, summaryHtml, kept) => {
  const trimmed = toRow({ ...RESULT, summaryHtml }, CONTEXT).summary_html ?? '';
  expect(trimmed.startsWith('[Trimmed] ')).toBe(true);
  const rest = trimmed.slice('[Trimmed] '.length);
  expect(Buffer.byteLength(rest)).toBe(kept);
  expect(summaryHtml.startsWith(rest)).toBe(true);
});
