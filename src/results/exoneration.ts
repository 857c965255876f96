/** An exoneration: the statement that unexpected results of a test variant do not count. */
import type { InvocationId } from '../invocations/id.ts';
import { type Variant, variantHash } from './variant.ts';

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
  /** The number of a `luci.resultdb.v1.ExonerationReason`; 0 if it is not known. */
  readonly reason: number;
}

/** An exoneration to record. The invocation is given separately. */
export type NewTestExoneration = Omit<TestExoneration, 'invocationId' | 'variantHash'> & {
  /** If it is not given, it is computed. Old clients know only the hash of a variant. */
  readonly variantHash?: string | undefined;
};

export function hashOf(exoneration: Pick<NewTestExoneration, 'variant' | 'variantHash'>): string {
  return exoneration.variantHash ?? variantHash(exoneration.variant);
}
