/** A test result as a row of schema.ts: its properties are the columns of the table. */
import { fromBinary, toJson } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import type { EpochMs } from '@postlude/queue/foundations';
import { FailureReasonSchema } from '../../gen/luci/resultdb/v1/failure_reason_pb.js';
import {
  type TestLocation,
  TestLocationSchema,
  type TestMetadata,
  TestMetadataSchema,
} from '../../gen/luci/resultdb/v1/test_metadata_pb.js';
import type { Invocation } from '../../invocations/invocation.ts';
import { type StringPair, sortPairs } from '../../invocations/string-pair.ts';
import type { TestResult } from '../../results/test-result.ts';
import type { Variant } from '../../results/variant.ts';

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

export interface LocationRecord {
  readonly repo: string;
  readonly file_name: string;
  readonly line: number;
}

export interface MetadataRecord {
  readonly name: string;
  readonly location: LocationRecord | undefined;
}

export interface FailureReasonRecord {
  readonly primary_error_message: string;
}

/** `undefined` stands for NULL. */
export interface TestResultRow {
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
  readonly failure_reason: FailureReasonRecord | undefined;
  readonly insert_time: EpochMicros;
}

/** What a row of an export holds besides the result itself. */
export interface RowContext {
  readonly exported: InvocationRecord;
  readonly parent: InvocationRecord;
  readonly exonerated: boolean;
  readonly partitionTime: EpochMicros;
  readonly insertTime: EpochMicros;
}

const MAX_SUMMARY_BYTES = 600_000;
const TRIM_MARK = '[Trimmed] ';
const MICROS_PER_SECOND = 1_000_000;

export function toRow(result: TestResult, context: RowContext): TestResultRow {
  const { startTime, durationMicros } = result;
  return {
    exported: context.exported,
    parent: context.parent,
    test_id: result.testId,
    result_id: result.resultId,
    variant: toPairs(result.variant),
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
    failure_reason: decodeFailureReason(result.failureReason),
    insert_time: context.insertTime,
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

/** The pairs of the last variant, which the next result mostly shares. */
let last: { readonly variant: Variant; readonly pairs: readonly StringPair[] } = {
  variant: {},
  pairs: [],
};

function toPairs(variant: Variant): readonly StringPair[] {
  if (variant !== last.variant) last = { variant, pairs: sortedPairs(variant) };
  return last.pairs;
}

function sortedPairs(variant: Variant): StringPair[] {
  return sortPairs(Object.entries(variant).map(([key, value]) => ({ key, value })));
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

function decodeLocation(encoded: Uint8Array | undefined): LocationRecord | undefined {
  return encoded && toLocationRecord(fromBinary(TestLocationSchema, encoded));
}

function decodeMetadata(encoded: Uint8Array | undefined): MetadataRecord | undefined {
  if (encoded === undefined) return undefined;
  const { name, location }: TestMetadata = fromBinary(TestMetadataSchema, encoded);
  return { name, location: location && toLocationRecord(location) };
}

function decodeFailureReason(encoded: Uint8Array | undefined): FailureReasonRecord | undefined {
  if (encoded === undefined) return undefined;
  const { primaryErrorMessage } = fromBinary(FailureReasonSchema, encoded);
  return { primary_error_message: primaryErrorMessage };
}

function toLocationRecord({ repo, fileName, line }: TestLocation): LocationRecord {
  return { repo, file_name: fileName, line };
}
