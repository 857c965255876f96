import { create, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { expectColumns } from '../../../test/support/exports/expect-columns.ts';
import { FailureReasonSchema } from '../../gen/luci/resultdb/v1/failure_reason_pb.js';
import {
  TestLocationSchema,
  TestMetadataSchema,
} from '../../gen/luci/resultdb/v1/test_metadata_pb.js';
import type { InvocationId } from '../../invocations/id.ts';
import type { TestResult } from '../../results/test-result.ts';
import { TEST_RESULT_COLUMNS } from './schema.ts';
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
    create(TestMetadataSchema, { name: 'adds cheese', location }),
  ),
  failureReason: toBinary(
    FailureReasonSchema,
    create(FailureReasonSchema, { primaryErrorMessage: 'no cheese' }),
  ),
  details: undefined,
};
const CONTEXT: RowContext = {
  exported: { id: 'build-1', tags: [{ key: 'a', value: 'b' }], realm: 'acme:ci', properties: '{}' },
  parent: { id: 'shard-1', tags: [], realm: 'acme:ci', properties: undefined },
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
    test_metadata: { name: 'adds cheese', location: LOCATION_RECORD },
    failure_reason: { primary_error_message: 'no cheese' },
    insert_time: Date.UTC(2026, 0, 3) * 1000,
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
  };
  const row = toRow(bare, CONTEXT);
  expect(row.variant).toEqual([]);
  expect(row.tags).toEqual([]);
  for (const name of [
    'summary_html',
    'start_time',
    'duration',
    'test_location',
    'test_metadata',
    'failure_reason',
  ]) {
    expect(row).toHaveProperty(name, undefined);
  }
});

test('a test may have metadata without a location', () => {
  const testMetadata = toBinary(TestMetadataSchema, create(TestMetadataSchema, { name: 'n' }));
  const row = toRow({ ...RESULT, testMetadata }, CONTEXT);
  expect(row.test_metadata).toEqual({ name: 'n', location: undefined });
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
