/** Converts the predicate of an export from its proto. */

import { CodedError } from '@postlude/queue/foundations';
import type { TestResultPredicate as PredicateMessage } from '../gen/luci/resultdb/v1/predicate_pb.js';
import { TestResultPredicate_Expectancy as Expectancies } from '../gen/luci/resultdb/v1/predicate_pb.js';
import type { Expectancy, TestResultPredicate, VariantPredicate } from '../results/predicate.ts';

const EXPECTANCIES: Readonly<Record<Expectancies, Expectancy>> = {
  [Expectancies.ALL]: 'ALL',
  [Expectancies.VARIANTS_WITH_UNEXPECTED_RESULTS]: 'VARIANTS_WITH_UNEXPECTED_RESULTS',
  [Expectancies.VARIANTS_WITH_ONLY_UNEXPECTED_RESULTS]: 'VARIANTS_WITH_ONLY_UNEXPECTED_RESULTS',
};

/**
 * Without a message, all results are selected. Throws `invalid-argument` for values of a newer
 * version.
 */
export function fromPredicateMessage(message: PredicateMessage | undefined): TestResultPredicate {
  if (message === undefined) return {};
  const expectancy = EXPECTANCIES[message.expectancy];
  if (expectancy === undefined) {
    throw new CodedError('invalid-argument', `unknown expectancy ${message.expectancy}`);
  }
  const { testIdRegexp, excludeExonerated } = message;
  return { testIdRegexp, excludeExonerated, expectancy, variant: variantPredicate(message) };
}

function variantPredicate({ variant }: PredicateMessage): VariantPredicate | undefined {
  const predicate = variant?.predicate;
  if (predicate?.case === 'equals') return { equals: predicate.value.def };
  if (predicate?.case === 'contains') return { contains: predicate.value.def };
  return undefined;
}
