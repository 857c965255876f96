/** Checks an artifact that is to be recorded. */
import { createHash } from 'node:crypto';
import type { AnnouncedArtifact, ArtifactResult } from '../../artifacts/artifact.ts';
import { MAX_ARTIFACT_TYPE_BYTES, MAX_CONTENT_TYPE_BYTES } from '../../artifacts/limits.ts';
import type { Artifact as ArtifactMessage } from '../../gen/luci/resultdb/v1/artifact_pb.js';
import { checkStructuredId, checkTestId } from '../../results/identity/check-id.ts';
import { problemOfPrintable } from '../../results/identity/printable.ts';
import { formatFlatId } from '../../results/identity/structured-id.ts';
import { inField, invalid, requireText } from '../shared/field.ts';
import { checkResultId } from '../shared/result-name.ts';
import type { ArtifactParent } from './artifact-name.ts';
import { checkArtifactId } from './check-artifact-id.ts';

/** RFC 9110: type/subtype, and parameters whose values are tokens or quoted. */
const CONTENT_TYPE =
  /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?: ?; ?[\w!#$&^.+-]+=(?:[\w!#$&^.+-]+|"[^"\\\p{Cc}]*"))*$/u;

/** What is said of an artifact, whichever way its content arrives. */
export type ArtifactDescription = Omit<AnnouncedArtifact, 'sha256' | 'sizeBytes'>;

/** An artifact of a batch, which has its content with it. */
export interface CheckedArtifact extends AnnouncedArtifact {
  readonly content: Uint8Array;
}

/** Throws `invalid-argument`. */
export function checkDescription(
  artifact: ArtifactMessage,
  parent: ArtifactParent,
): ArtifactDescription {
  return {
    artifactId: inField('artifact_id', () => checkArtifactId(artifact.artifactId)),
    contentType: inField('content_type', () => checkContentType(artifact.contentType)),
    artifactType: inField('artifact_type', () => checkArtifactType(artifact.artifactType)),
    result: resultOf(artifact, parent),
  };
}

/** Throws `invalid-argument`. */
export function checkArtifact(artifact: ArtifactMessage, parent: ArtifactParent): CheckedArtifact {
  const { contents, gcsUri, rbeUri, sizeBytes } = artifact;
  const described = checkDescription(artifact, parent);
  if (gcsUri !== '') throw invalid('gcs_uri: not supported: send the contents');
  if (rbeUri !== '') throw invalid('rbe_uri: not supported: send the contents');
  inField('size_bytes', () => {
    if (sizeBytes < 0n) throw invalid('must not be negative');
    if (sizeBytes === 0n || sizeBytes === BigInt(contents.length)) return;
    throw invalid(`${sizeBytes} is not the size of the contents: ${contents.length}`);
  });
  return {
    ...described,
    sizeBytes: contents.length,
    sha256: createHash('sha256').update(contents).digest('hex'),
    content: contents,
  };
}

/** Returns the result that the name of the parent or the fields of the artifact say. */
function resultOf(
  { resultId, testId, testIdStructured }: ArtifactMessage,
  { result }: ArtifactParent,
): ArtifactResult | undefined {
  const hasTest = testId !== '' || testIdStructured !== undefined;
  if (result !== undefined) {
    if (!hasTest && resultId === '') return result;
    throw invalid('test_id, test_id_structured and result_id: the parent says it already');
  }
  if (!hasTest && resultId === '') return undefined;
  if (!hasTest) throw invalid('test_id_structured: unspecified, although there is a result_id');
  const checkedTest =
    testIdStructured === undefined
      ? inField('test_id', () => checkTestId(testId))
      : inField('test_id_structured', () => formatFlatId(checkStructuredId(testIdStructured)));
  if (testId !== '' && testId !== checkedTest) {
    throw invalid('test_id: is not that of test_id_structured');
  }
  return { testId: checkedTest, resultId: inField('result_id', () => checkResultId(resultId)) };
}

function checkContentType(contentType: string): string {
  requireText(contentType, MAX_CONTENT_TYPE_BYTES);
  if (contentType === '' || CONTENT_TYPE.test(contentType)) return contentType;
  throw invalid('not a media type such as text/plain');
}

function checkArtifactType(artifactType: string): string {
  requireText(artifactType, MAX_ARTIFACT_TYPE_BYTES);
  const problem = problemOfPrintable(artifactType);
  if (problem !== undefined) throw invalid(problem);
  return artifactType;
}
