/** Builds rows of exports. */
import type { InvocationRow } from '../../../src/exporter/rows/invocation-row.ts';
import type { TestResultRow } from '../../../src/exporter/rows/test-result-row.ts';

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
  };
}
