/** Builds rows of exports. */
import type { InvocationRow } from '../../../src/exporter/rows/invocation-row.ts';
import type { SourcesRecord } from '../../../src/exporter/rows/sources-record.ts';
import type { LocationRecord, MetadataRecord } from '../../../src/exporter/rows/test-columns.ts';
import type { TestResultRow } from '../../../src/exporter/rows/test-result-row.ts';

/** What was tested, in every column. */
export const SOURCES: SourcesRecord = {
  gitiles_commit: {
    host: 'chromium.example',
    project: 'shop/cart',
    ref: 'refs/heads/main',
    commit_hash: '0123456789012345678901234567890123456789',
    position: 7,
  },
  changelists: [{ host: 'review.example', project: 'shop/cart', change: 12, patchset: 3 }],
  is_dirty: true,
  submitted_android_build: { data_realm: 'prod', branch: 'main', build_id: 9 },
};

export const BARE_METADATA: MetadataRecord = {
  name: '',
  location: undefined,
  bug_component: undefined,
  properties: undefined,
  previous_test_id: undefined,
};

/** A value in every column that few results have. */
export function fullColumns(location: LocationRecord): Partial<TestResultRow> {
  return {
    test_metadata: {
      name: 'näme',
      location,
      bug_component: {
        issue_tracker: { component_id: 5 },
        monorail: { project: 'shop', value: 'Cart>Cheese' },
      },
      properties: '{"owner":"shop"}',
      previous_test_id: 'cart::old',
    },
    failure_reason: {
      primary_error_message: 'wänted 1,\ngot 2',
      kind: 'CRASH',
      errors: [
        { message: 'wänted 1,\ngot 2', trace: 'at cart.ts:7' },
        { message: 'then', trace: '' },
      ],
      truncated_errors_count: 3,
    },
    properties: '{"shard":1}',
    sources: SOURCES,
    skip_reason: 'AUTOMATICALLY_DISABLED_FOR_FLAKINESS',
    skipped_reason: { kind: 'OTHER', reason_message: 'no cheese', trace: 'at cart.ts:8' },
    framework_extensions: { web_test: { is_expected: false, status: 'CRASH' } },
  };
}

/** The result of a test in one of three shards, by its number. */
export function rowOf(index: number, more: Partial<TestResultRow> = {}): TestResultRow {
  return {
    exported: { id: 'build-1', tags: [{ key: 'a', value: 'b' }], realm: 'r:r', properties: '{}' },
    parent: { id: `shard-${index % 3}`, tags: [], realm: 'r:r', properties: undefined },
    test_id: `test ${index}`,
    result_id: 'r',
    variant: [{ key: 'os', value: 'linux' }],
    variant_hash: '0123456789abcdef',
    expected: index % 4 !== 0,
    status: index % 4 === 0 ? 'FAIL' : 'PASS',
    summary_html: undefined,
    start_time: 1_767_322_800_000_001 + index,
    duration: index / 1000,
    tags: [],
    exonerated: false,
    partition_time: 1_767_322_800_000_000,
    test_location: undefined,
    test_metadata: undefined,
    failure_reason: undefined,
    insert_time: 1_767_322_900_000_000,
    properties: undefined,
    sources: undefined,
    skip_reason: undefined,
    test_id_structured: {
      module_name: 'legacy',
      module_scheme: 'legacy',
      module_variant: '{"os":"linux"}',
      module_variant_hash: '0123456789abcdef',
      coarse_name: '',
      fine_name: '',
      case_name: `test ${index}`,
    },
    status_v2: index % 4 === 0 ? 'FAILED' : 'PASSED',
    skipped_reason: undefined,
    framework_extensions: undefined,
    ...more,
  };
}

export function rowsOf(count: number): TestResultRow[] {
  return Array.from({ length: count }, (_, index) => rowOf(index));
}

/** The row of an invocation itself. */
export function invocationRowOf(id: string): InvocationRow {
  return {
    project: 'acme',
    realm: 'ci',
    id,
    create_time: 1_767_322_800_000_000,
    tags: [{ key: 'os', value: 'linux' }],
    finalize_time: 1_767_322_800_000_001,
    included_invocations: ['shard-1', 'shard-2'],
    producer_resource: undefined,
    properties: '{}',
    partition_time: 1_767_322_800_000_000,
    is_export_root: false,
    extended_properties: undefined,
    sources: undefined,
  };
}
