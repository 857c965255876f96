/** Predicates that select the results and exonerations of a query or an export. */

import { CodedError } from '@postlude/queue/foundations';
import { RE2JS } from 're2js';
import { type Variant, variantHash } from './variant.ts';

export type Expectancy =
  | 'ALL'
  /** Results of test variants with at least one unexpected result in the whole set. */
  | 'VARIANTS_WITH_UNEXPECTED_RESULTS'
  /** Results of test variants without any expected result in the whole set. */
  | 'VARIANTS_WITH_ONLY_UNEXPECTED_RESULTS';

export type VariantPredicate = { readonly equals: Variant } | { readonly contains: Variant };

export interface TestVariantPredicate {
  /** An RE2 pattern for the whole test id; an empty one matches all. */
  readonly testIdRegexp?: string;
  readonly variant?: VariantPredicate | undefined;
}

export interface TestResultPredicate extends TestVariantPredicate {
  readonly expectancy?: Expectancy;
  /**
   * Leaves out test variants that are exonerated anywhere in the set. It has no meaning with `ALL`.
   */
  readonly excludeExonerated?: boolean;
}

/** The properties that a predicate looks at. */
export interface TestVariant {
  readonly testId: string;
  readonly variant: Variant;
  readonly variantHash: string;
}

export type TestVariantMatcher = (tested: TestVariant) => boolean;

/**
 * Throws `invalid-argument` if the pattern is not valid RE2. Matching is linear in the length of
 * ids.
 */
export function matcherOf(predicate: TestVariantPredicate): TestVariantMatcher {
  const matchesId = testIdMatcher(predicate.testIdRegexp ?? '');
  const matchesVariant = variantMatcher(predicate.variant);
  return (tested) => matchesId(tested.testId) && matchesVariant(tested);
}

function testIdMatcher(pattern: string): (testId: string) => boolean {
  if (pattern === '' || pattern === '.*') return () => true;
  try {
    const compiled = RE2JS.compile(pattern);
    return (testId) => compiled.matches(testId);
  } catch (cause) {
    throw new CodedError('invalid-argument', `not a valid RE2 pattern: ${pattern}`, { cause });
  }
}

function variantMatcher(predicate: VariantPredicate | undefined): TestVariantMatcher {
  if (predicate === undefined) return () => true;
  if ('equals' in predicate) {
    const wanted = variantHash(predicate.equals);
    return (tested) => tested.variantHash === wanted;
  }
  const pairs = Object.entries(predicate.contains);
  return ({ variant }) => pairs.every(([key, value]) => variant[key] === value);
}
