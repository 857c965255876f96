/** The outcome of running one test once, as the database holds it. */
import type { EpochMs } from '@postlude/queue/foundations';
import type { InvocationId } from '../invocations/id.ts';
import type { StringPair } from '../invocations/string-pair.ts';
import type { TestStatus } from './test-status.ts';
import type { Variant } from './variant.ts';

/** Identifies a result. */
export interface TestResultKey {
  readonly invocationId: InvocationId;
  readonly testId: string;
  readonly resultId: string;
}

export interface TestResult extends TestResultKey {
  readonly variant: Variant;
  /** See `variantHash`. */
  readonly variantHash: string;
  readonly expected: boolean;
  readonly status: TestStatus;
  /** Empty if there is none. */
  readonly summaryHtml: string;
  readonly startTime: EpochMs | undefined;
  readonly durationMicros: number | undefined;
  /** The tags are sorted by key and value. */
  readonly tags: readonly StringPair[];
  /** A binary `luci.resultdb.v1.TestLocation`. */
  readonly testLocation: Uint8Array | undefined;
  /** A binary `luci.resultdb.v1.TestMetadata`. */
  readonly testMetadata: Uint8Array | undefined;
  /** A binary `luci.resultdb.v1.FailureReason`, see outcome/stored-outcome.ts. */
  readonly failureReason: Uint8Array | undefined;
  /** A binary `luci.resultdb.v1.TestResult` of the fields that have no column of their own. */
  readonly details: Uint8Array | undefined;
}

/** A result to record. The invocation is given separately, and the hash is computed. */
export type NewTestResult = Omit<
  TestResult,
  | 'invocationId'
  | 'variantHash'
  | 'startTime'
  | 'durationMicros'
  | 'tags'
  | 'testLocation'
  | 'testMetadata'
  | 'failureReason'
  | 'details'
> & {
  readonly startTime?: EpochMs | undefined;
  readonly durationMicros?: number | undefined;
  /** The tags may be in any order. */
  readonly tags?: readonly StringPair[];
  readonly testLocation?: Uint8Array | undefined;
  readonly testMetadata?: Uint8Array | undefined;
  readonly failureReason?: Uint8Array | undefined;
  readonly details?: Uint8Array | undefined;
};
