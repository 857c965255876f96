import { expect, test } from 'vitest';
import { rowOf } from '../../../../test/support/exports/export-rows.ts';
import { TEST_RESULT_COLUMNS } from '../../rows/schema.ts';
import type { TestResultRow } from '../../rows/test-result-row.ts';
import { insertId, toJson } from './json-row.ts';

const invocation = { id: 'p', tags: [], realm: 'acme:ci', properties: undefined };
const row: TestResultRow = {
  ...rowOf(1),
  exported: invocation,
  parent: invocation,
  test_id: 't',
  result_id: 'r',
  variant: [{ key: 'os', value: 'linux' }],
  variant_hash: 'h',
  expected: true,
  status: 'PASS',
  summary_html: undefined,
  start_time: -1,
  duration: 0.5,
  tags: [],
  exonerated: false,
  partition_time: 1_767_323_045_123_456,
  test_location: undefined,
  test_metadata: undefined,
  failure_reason: undefined,
  insert_time: 1_767_323_105_000_000,
};

test('times are texts that keep their microseconds, and NULL is left out', () => {
  expect(toJson(TEST_RESULT_COLUMNS, row)).toEqual({
    exported: { id: 'p', tags: [], realm: 'acme:ci' },
    parent: { id: 'p', tags: [], realm: 'acme:ci' },
    test_id: 't',
    result_id: 'r',
    variant: [{ key: 'os', value: 'linux' }],
    variant_hash: 'h',
    expected: true,
    status: 'PASS',
    start_time: '1969-12-31T23:59:59.999999Z',
    duration: 0.5,
    tags: [],
    exonerated: false,
    partition_time: '2026-01-02T03:04:05.123456Z',
    insert_time: '2026-01-02T03:05:05.000000Z',
    test_id_structured: row.test_id_structured,
    status_v2: 'PASSED',
  });
});

test('an insert id is the same for the same row of the same export, and for no other', () => {
  const name = { invocationId: 'a', index: 0 };
  const ids = [
    insertId(name, row),
    insertId({ ...name, index: 1 }, row),
    insertId({ ...name, invocationId: 'b' }, row),
    insertId(name, { ...row, parent: { ...invocation, id: 'q' } }),
    insertId(name, { ...row, test_id: 'r', result_id: 't' }),
  ];
  expect(new Set(ids).size).toBe(ids.length);
  expect(insertId(name, { ...row, summary_html: 'x' })).toBe(ids[0]);
  expect(ids[0]?.length).toBeLessThanOrEqual(128);
});
