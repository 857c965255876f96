/** A test result as a row of schema.ts: its properties are the columns of the table. */
import { fromBinary, toJson } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import type { EpochMs } from '@postlude/queue/foundations';
import type { Invocation } from '../../invocations/invocation.ts';
import type { StringPair } from '../../invocations/string-pair.ts';
import type { TestResult } from '../../results/test-result.ts';
import { type OutcomeColumns, toOutcomeColumns } from './outcome-columns.ts';
import type { SourcesRecord } from './sources-record.ts';
import {
  decodeLocation,
  decodeMetadata,
  type LocationRecord,
  type MetadataRecord,
  type TestIdRecord,
  toTestIdRecord,
  toVariantColumns,
} from './test-columns.ts';

/** Whole microseconds since the Unix epoch, the unit of warehouses. */
export type EpochMicros = number;

/** The part of an invocation that each of its rows repeats. */
export interface InvocationRecord {
  readonly id: string;
  readonly tags: readonly StringPair[];
  readonly realm: string;
  /** The properties as JSON, for which warehouses have functions. */
  readonly properties: string | undefined;
}

/** `undefined` stands for NULL. */
export interface TestResultRow extends OutcomeColumns {
  readonly exported: InvocationRecord;
  readonly parent: InvocationRecord;
  readonly test_id: string;
  readonly result_id: string;
  readonly variant: readonly StringPair[];
  readonly variant_hash: string;
  readonly expected: boolean;
  readonly status: string;
  readonly summary_html: string | undefined;
  readonly start_time: EpochMicros | undefined;
  readonly duration: number | undefined;
  readonly tags: readonly StringPair[];
  readonly exonerated: boolean;
  readonly partition_time: EpochMicros;
  readonly test_location: LocationRecord | undefined;
  readonly test_metadata: MetadataRecord | undefined;
  readonly insert_time: EpochMicros;
  readonly sources: SourcesRecord | undefined;
  readonly test_id_structured: TestIdRecord;
}

/** What a row of an export holds besides the result itself. */
export interface RowContext {
  readonly exported: InvocationRecord;
  readonly parent: InvocationRecord;
  readonly sources: SourcesRecord | undefined;
  readonly exonerated: boolean;
  readonly partitionTime: EpochMicros;
  readonly insertTime: EpochMicros;
}

const MAX_SUMMARY_BYTES = 600_000;
const TRIM_MARK = '[Trimmed] ';
const MICROS_PER_SECOND = 1_000_000;

export function toRow(result: TestResult, context: RowContext): TestResultRow {
  const { startTime, durationMicros } = result;
  const outcome = toOutcomeColumns(result);
  return {
    exported: context.exported,
    parent: context.parent,
    test_id: result.testId,
    result_id: result.resultId,
    variant: toVariantColumns(result.variant).variant,
    variant_hash: result.variantHash,
    expected: result.expected,
    status: result.status,
    summary_html: trimSummary(result.summaryHtml),
    start_time: startTime === undefined ? undefined : toMicros(startTime),
    duration: durationMicros === undefined ? undefined : durationMicros / MICROS_PER_SECOND,
    tags: result.tags,
    exonerated: context.exonerated,
    partition_time: context.partitionTime,
    test_location: decodeLocation(result.testLocation),
    test_metadata: decodeMetadata(result.testMetadata),
    failure_reason: outcome.failure_reason,
    insert_time: context.insertTime,
    properties: outcome.properties,
    sources: context.sources,
    skip_reason: outcome.skip_reason,
    test_id_structured: toTestIdRecord(result),
    status_v2: outcome.status_v2,
    skipped_reason: outcome.skipped_reason,
    framework_extensions: outcome.framework_extensions,
  };
}

export function toInvocationRecord(invocation: Invocation): InvocationRecord {
  const { id, properties, realm, tags } = invocation;
  return { id, tags, realm, properties: properties && decodeProperties(properties) };
}

/** Returns the properties as JSON. */
export function decodeProperties(encoded: Uint8Array): string {
  return JSON.stringify(toJson(StructSchema, fromBinary(StructSchema, encoded)));
}

export function toMicros(time: EpochMs): EpochMicros {
  return Math.round(time * 1000);
}

/** Cuts between characters, since a table rejects text that is not UTF-8. */
function trimSummary(summary: string): string | undefined {
  if (summary === '') return undefined;
  if (summary.length * 3 <= MAX_SUMMARY_BYTES) return summary;
  const bytes = Buffer.from(summary);
  if (bytes.length <= MAX_SUMMARY_BYTES) return summary;
  let end = MAX_SUMMARY_BYTES;
  while (isContinuation(bytes[end])) end--;
  return TRIM_MARK + bytes.toString('utf8', 0, end);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
