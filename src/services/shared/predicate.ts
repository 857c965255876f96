/** Converts the predicates of queries and exports from their messages. */
import {
  TestResultPredicate_Expectancy as ExpectancyNumber,
  type TestExonerationPredicate,
  type TestResultPredicate as TestResultPredicateMessage,
  type VariantPredicate as VariantPredicateMessage,
} from '../../gen/luci/resultdb/v1/predicate_pb.js';
import {
  type Expectancy,
  matcherOf,
  type TestResultPredicate,
  type TestVariantPredicate,
  type VariantPredicate,
} from '../../results/predicate.ts';
import { checkVariant } from './check-pairs.ts';
import { inField, invalid, requireText } from './field.ts';

const MAX_PATTERN_BYTES = 4096;

const EXPECTANCIES: Readonly<Record<number, Expectancy>> = {
  [ExpectancyNumber.ALL]: 'ALL',
  [ExpectancyNumber.VARIANTS_WITH_UNEXPECTED_RESULTS]: 'VARIANTS_WITH_UNEXPECTED_RESULTS',
  [ExpectancyNumber.VARIANTS_WITH_ONLY_UNEXPECTED_RESULTS]: 'VARIANTS_WITH_ONLY_UNEXPECTED_RESULTS',
};

/** Throws `invalid-argument` if no query can use the predicate. */
export function toResultPredicate(message: TestResultPredicateMessage): TestResultPredicate {
  const expectancy = EXPECTANCIES[message.expectancy];
  if (expectancy === undefined) throw invalid(`expectancy: unknown value ${message.expectancy}`);
  if (message.excludeExonerated && expectancy === 'ALL') {
    throw invalid('exclude_exonerated and expectancy=ALL are mutually exclusive');
  }
  return {
    ...toVariantPredicate(message),
    expectancy,
    excludeExonerated: message.excludeExonerated,
  };
}

/** Throws `invalid-argument` if no query can use the predicate. */
export function toVariantPredicate(
  message: Pick<TestExonerationPredicate, 'testIdRegexp' | 'variant'>,
): TestVariantPredicate {
  const { testIdRegexp, variant } = message;
  return {
    testIdRegexp: inField('test_id_regexp', () => checkPattern(testIdRegexp)),
    variant: variant && inField('variant', () => toPairs(variant)),
  };
}

/** Only RE2 patterns are allowed, so that a user's pattern cannot take exponential time. */
export function checkPattern(pattern: string): string {
  requireText(pattern, MAX_PATTERN_BYTES);
  if (pattern.startsWith('^')) throw invalid('must not start with ^; it is added by itself');
  if (pattern.endsWith('$')) throw invalid('must not end with $; it is added by itself');
  matcherOf({ testIdRegexp: pattern });
  return pattern;
}

function toPairs({ predicate }: VariantPredicateMessage): VariantPredicate {
  const { case: kind, value } = predicate;
  if (kind === undefined) throw invalid('needs equals or contains');
  const pairs = inField(kind, () => checkVariant(value));
  return kind === 'equals' ? { equals: pairs } : { contains: pairs };
}
