/** An exoneration: the statement that unexpected results of a test variant do not count. */
import type { InvocationId } from '../invocations/id.ts';
import type { Variant } from './variant.ts';

/** Identifies an exoneration. */
export interface TestExonerationKey {
  readonly invocationId: InvocationId;
  readonly testId: string;
  readonly exonerationId: string;
}

export interface TestExoneration extends TestExonerationKey {
  readonly variant: Variant;
  /** See `variantHash`. */
  readonly variantHash: string;
  /** Empty if there is none. */
  readonly explanationHtml: string;
}

/** An exoneration to record. The invocation is given separately, and the hash is computed. */
export type NewTestExoneration = Omit<TestExoneration, 'invocationId' | 'variantHash'>;
