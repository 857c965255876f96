/** A statement that unexpected results of a test variant do not matter, as the database holds it. */
import type { InvocationId } from '../invocations/id.ts';
import type { Variant } from './variant.ts';

/** What names an exoneration. */
export interface TestExonerationKey {
  readonly invocationId: InvocationId;
  readonly testId: string;
  readonly exonerationId: string;
}

export interface TestExoneration extends TestExonerationKey {
  readonly variant: Variant;
  /** See `variantHash`. */
  readonly variantHash: string;
  /** Empty where there is none. */
  readonly explanationHtml: string;
}

/** What is recorded: the invocation is given apart, and the hash follows from the variant. */
export type NewTestExoneration = Omit<TestExoneration, 'invocationId' | 'variantHash'>;
