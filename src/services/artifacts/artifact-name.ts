/** Names of artifacts: that of the invocation or of the result, and `/artifacts/{escaped artifact id}`. */
import type { ArtifactKey } from '../../artifacts/artifact.ts';
import { invocationName, parseInvocationName } from '../../invocations/id.ts';
import { inField, invalid } from '../shared/field.ts';
import { escapePathSegment, unescapePathSegment } from '../shared/path-segment.ts';
import { checkResultId, parseTestResultName, testResultName } from '../shared/result-name.ts';
import { checkArtifactId } from './check-artifact-id.ts';

/** What artifacts belong to: an invocation, or one of its results. */
export type ArtifactParent = Omit<ArtifactKey, 'artifactId'>;

const COLLECTION = '/artifacts/';

export function artifactName(key: ArtifactKey): string {
  return `${parentName(key)}${COLLECTION}${escapePathSegment(key.artifactId)}`;
}

export function parentName({ invocationId, result }: ArtifactParent): string {
  if (result === undefined) return invocationName(invocationId);
  return testResultName({ ...result, invocationId });
}

/** Throws `invalid-argument`. */
export function parseArtifactName(name: string): ArtifactKey {
  const at = name.lastIndexOf(COLLECTION);
  const artifactId = at < 0 ? '' : (unescapePathSegment(name.slice(at + COLLECTION.length)) ?? '');
  if (artifactId === '') throw invalid('not of the form PARENT/artifacts/ESCAPED_ARTIFACT_ID');
  return {
    ...parseParentName(name.slice(0, at)),
    artifactId: inField('artifact_id', () => checkArtifactId(artifactId)),
  };
}

/** Reads the name of an invocation or of a test result. Throws `invalid-argument`. */
export function parseParentName(name: string): ArtifactParent {
  if (!name.includes('/tests/')) {
    return { invocationId: parseInvocationName(name), result: undefined };
  }
  const { invocationId, ...result } = parseTestResultName(name);
  inField('result_id', () => checkResultId(result.resultId));
  return { invocationId, result };
}
