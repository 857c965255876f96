/** Predicates that select the results and exonerations of a query or an export. */

import { TestIdPattern } from './patterns/test-id-pattern.ts';
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

export interface TestVariantMatcher {
  matches(tested: TestVariant): boolean;
  /** How much work all calls of `matches` have been together: see `TestIdPattern`. */
  readonly work: number;
  /** How many calls of `matches` there were. */
  readonly calls: number;
}

/** Throws `invalid-argument` if the pattern is not valid RE2, or takes too much work. */
export function matcherOf(predicate: TestVariantPredicate): TestVariantMatcher {
  const pattern = testIdPattern(predicate.testIdRegexp ?? '');
  const matchesVariant = variantMatcher(predicate.variant);
  let calls = 0;
  return {
    matches: (tested) => {
      calls += 1;
      return matchesVariant(tested) && (pattern?.matches(tested.testId) ?? true);
    },
    get calls() {
      return calls;
    },
    get work() {
      return pattern?.work ?? 0;
    },
  };
}

/** Returns `undefined` if the pattern matches all ids. */
function testIdPattern(pattern: string): TestIdPattern | undefined {
  return pattern === '' || pattern === '.*' ? undefined : TestIdPattern.compile(pattern);
}

function variantMatcher(predicate: VariantPredicate | undefined): (tested: TestVariant) => boolean {
  if (predicate === undefined) return () => true;
  if ('equals' in predicate) {
    const wanted = variantHash(predicate.equals);
    return (tested) => tested.variantHash === wanted;
  }
  const pairs = Object.entries(predicate.contains);
  return ({ variant }) => pairs.every(([key, value]) => variant[key] === value);
}
