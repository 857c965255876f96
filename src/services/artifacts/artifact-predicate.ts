/** Converts the predicate of artifacts from its message. */
import type { ArtifactPredicate } from '../../artifacts/artifact-predicate.ts';
import {
  ArtifactPredicate_ArtifactKind as ArtifactKind,
  type ArtifactPredicate as ArtifactPredicateMessage,
} from '../../gen/luci/resultdb/v1/predicate_pb.js';
import { inField, invalid } from '../shared/field.ts';
import { checkPattern, toResultPredicate } from '../shared/predicate.ts';

export interface CheckedPredicate extends ArtifactPredicate {
  /** Whether inclusions are followed. */
  readonly ofIncluded: boolean;
}

/** What a query without a predicate selects. */
export const ALL_ARTIFACTS: CheckedPredicate = { ofIncluded: true, ofResults: true };

/** Throws `invalid-argument` if no query can use the predicate. */
export function toArtifactPredicate(message: ArtifactPredicateMessage): CheckedPredicate {
  const { artifactKind, followEdges, testResultPredicate, workUnits } = message;
  if (ArtifactKind[artifactKind] === undefined) {
    throw invalid(`artifact_kind: unknown value ${artifactKind}`);
  }
  if (workUnits.length > 0) throw invalid('work_units: not supported: there are none');
  const pattern = (field: string, regexp: string): string =>
    inField(field, () => checkPattern(regexp));
  return {
    ofIncluded: followEdges?.includedInvocations ?? true,
    ofResults: (followEdges?.testResults ?? true) && artifactKind !== ArtifactKind.WORK_UNIT,
    result:
      testResultPredicate &&
      inField('test_result_predicate', () => toResultPredicate(testResultPredicate)),
    contentTypeRegexp: pattern('content_type_regexp', message.contentTypeRegexp),
    artifactIdRegexp: pattern('artifact_id_regexp', message.artifactIdRegexp),
    artifactTypeRegexp: pattern('artifact_type_regexp', message.artifactTypeRegexp),
  };
}
