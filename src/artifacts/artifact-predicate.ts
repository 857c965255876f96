/** Predicates that select the artifacts of a query or an export. */

import { TestIdPattern } from '../results/patterns/test-id-pattern.ts';
import { matcherOf, type TestResultPredicate, type TestVariant } from '../results/predicate.ts';
import type { VariantSet } from '../results/variants/variant-set.ts';
import type { Artifact } from './artifact.ts';

export interface ArtifactPredicate {
  /** Whether artifacts of results are taken, or only those of invocations. */
  readonly ofResults: boolean;
  /** The results whose artifacts are taken; all unless given. */
  readonly result?: TestResultPredicate | undefined;
  /** RE2 patterns for the whole text; an empty one matches all. */
  readonly contentTypeRegexp?: string;
  readonly artifactIdRegexp?: string;
  readonly artifactTypeRegexp?: string;
}

type Tested = Pick<Artifact, 'artifactId' | 'artifactType' | 'contentType' | 'result'> & {
  /** The row of the result that it belongs to, if there is one. */
  readonly test?: TestVariant | undefined;
};

export interface ArtifactMatcher {
  matches(artifact: Tested): boolean;
  /** How much work all calls of `matches` have been together: see `TestIdPattern`. */
  readonly work: number;
}

/** Throws `invalid-argument` if a pattern is not valid RE2, or takes too much work. */
export function artifactMatcher(
  predicate: ArtifactPredicate,
  variants?: VariantSet | undefined,
): ArtifactMatcher {
  const { artifactIdRegexp, artifactTypeRegexp, contentTypeRegexp, result } = predicate;
  const contentType = patternOf(contentTypeRegexp);
  const artifactId = patternOf(artifactIdRegexp);
  const artifactType = patternOf(artifactTypeRegexp);
  const results = result && matcherOf(result);
  const isAnyResult = isEmpty(result) && variants === undefined;
  const matchesResult = (test: TestVariant | undefined): boolean => {
    if (isAnyResult) return true;
    // Without its result, nobody knows whether that would match.
    if (test === undefined) return false;
    return (variants?.has(test) ?? true) && (results?.matches(test) ?? true);
  };
  return {
    matches: (artifact) =>
      (artifact.result === undefined || (predicate.ofResults && matchesResult(artifact.test))) &&
      (contentType?.matches(artifact.contentType) ?? true) &&
      (artifactId?.matches(artifact.artifactId) ?? true) &&
      (artifactType?.matches(artifact.artifactType) ?? true),
    get work() {
      const patterns = [contentType, artifactId, artifactType, results];
      return patterns.reduce((sum, pattern) => sum + (pattern?.work ?? 0), 0);
    },
  };
}

function isEmpty({ testIdRegexp = '', variant }: TestResultPredicate = {}): boolean {
  return (testIdRegexp === '' || testIdRegexp === '.*') && variant === undefined;
}

function patternOf(pattern = ''): TestIdPattern | undefined {
  return pattern === '' || pattern === '.*' ? undefined : TestIdPattern.compile(pattern);
}
