import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SOURCES } from '../../test/support/exports/export-rows.ts';
import { type BatchLimits, cutBatches } from './batches.ts';
import type { InvocationRow } from './rows/invocation-row.ts';
import type { ExportRow } from './rows/row-kind.ts';
import { rowBytes } from './rows/row-size.ts';
import type { TestResultRow } from './rows/test-result-row.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '"', '\\', '\n', '\u0001', 'é', '漢字', '👩‍👩‍👧', '\ud800'),
);
const pairs = fc.array(fc.record({ key: text, value: text }), { maxLength: 3 });
const invocation = fc.record({
  id: text,
  tags: pairs,
  realm: text,
  properties: fc.option(text, { nil: undefined }),
});
const location = fc.option(fc.record({ repo: text, file_name: text, line: fc.nat() }), {
  nil: undefined,
});
const maybeText = fc.option(text, { nil: undefined });
const metadata = fc.record({
  name: text,
  location,
  bug_component: fc.constantFrom(undefined, {
    issue_tracker: { component_id: 7 },
    monorail: undefined,
  }),
  properties: maybeText,
  previous_test_id: maybeText,
});
const failureReason = fc.record({
  primary_error_message: text,
  kind: maybeText,
  errors: fc.array(fc.record({ message: text, trace: text }), { maxLength: 3 }),
  truncated_errors_count: fc.nat(),
});
const sources = fc.constantFrom(undefined, SOURCES);
const testResult: fc.Arbitrary<TestResultRow> = fc.record({
  exported: invocation,
  parent: invocation,
  test_id: text,
  result_id: text,
  variant: pairs,
  variant_hash: text,
  expected: fc.boolean(),
  status: text,
  summary_html: fc.option(text, { nil: undefined }),
  start_time: fc.option(fc.maxSafeNat(), { nil: undefined }),
  duration: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: undefined }),
  tags: pairs,
  exonerated: fc.boolean(),
  partition_time: fc.maxSafeNat(),
  test_location: location,
  test_metadata: fc.option(metadata, { nil: undefined }),
  failure_reason: fc.option(failureReason, { nil: undefined }),
  insert_time: fc.maxSafeNat(),
  properties: maybeText,
  sources,
  skip_reason: maybeText,
  test_id_structured: fc.record({
    module_name: text,
    module_scheme: text,
    module_variant: text,
    module_variant_hash: text,
    coarse_name: text,
    fine_name: text,
    case_name: text,
  }),
  status_v2: maybeText,
  skipped_reason: fc.option(fc.record({ kind: maybeText, reason_message: text, trace: text }), {
    nil: undefined,
  }),
  framework_extensions: fc.constantFrom(undefined, {
    web_test: { is_expected: true, status: 'FAIL' },
  }),
});
const invocationRow: fc.Arbitrary<InvocationRow> = fc.record({
  project: text,
  realm: text,
  id: text,
  create_time: fc.maxSafeNat(),
  tags: pairs,
  finalize_time: fc.option(fc.maxSafeNat(), { nil: undefined }),
  included_invocations: fc.array(text),
  producer_resource: fc.option(text, { nil: undefined }),
  properties: fc.option(text, { nil: undefined }),
  partition_time: fc.maxSafeNat(),
  is_export_root: fc.boolean(),
  extended_properties: maybeText,
  sources,
});
const row: fc.Arbitrary<ExportRow> = fc.oneof(testResult, invocationRow);

test('the size of a row is exactly that of its JSON', () => {
  fc.assert(
    fc.property(row, (row) => {
      expect(rowBytes(row)).toBe(Buffer.byteLength(JSON.stringify(row)));
    }),
  );
});

describe('batches', () => {
  const limits = fc.record({
    maxRows: fc.integer({ min: 1, max: 7 }),
    maxBytes: fc.integer({ min: 1, max: 5000 }),
  });

  test('hold all rows in order, numbered consecutively, within both limits', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(row, { maxLength: 6 }), { maxLength: 6 }), limits, check),
      { numRuns: 50 },
    );
  });

  async function check(pages: ExportRow[][], limits: BatchLimits): Promise<void> {
    const rows: ExportRow[] = [];
    for await (const batch of cutBatches(asAsync(pages), limits, 100)) {
      expect(batch.offset).toBe(100 + rows.length);
      expect(batch.rows.length).toBeGreaterThan(0);
      expect(batch.rows.length).toBeLessThanOrEqual(limits.maxRows);
      expect(batch.bytes).toBe(batch.rows.reduce((sum, row) => sum + rowBytes(row), 0));
      if (batch.rows.length > 1) expect(batch.bytes).toBeLessThanOrEqual(limits.maxBytes);
      rows.push(...batch.rows);
    }
    expect(rows).toEqual(pages.flat());
  }

  test('no pages give no batches', async () => {
    const batches = await Array.fromAsync(cutBatches(asAsync([]), { maxRows: 1, maxBytes: 1 }));
    expect(batches).toEqual([]);
  });
});

async function* asAsync<T>(items: readonly T[]): AsyncGenerator<T, void, void> {
  yield* items;
}
