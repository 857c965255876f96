/** Converts artifacts to the messages of the API. */
import { create } from '@bufbuild/protobuf';
import type { Artifact, ArtifactKey } from '../../artifacts/artifact.ts';
import {
  type Artifact as ArtifactMessage,
  ArtifactSchema,
} from '../../gen/luci/resultdb/v1/artifact_pb.js';
import { structuredIdOf } from '../../results/identity/structured-id.ts';
import { toTimestamp } from '../shared/timestamp.ts';
import { artifactName } from './artifact-name.ts';
import type { FetchUrl } from './fetch-urls.ts';

type Shown = ArtifactKey & Pick<Artifact, 'artifactType' | 'contentType' | 'sizeBytes'>;

/** The variant of the test is left out, as the row of its result has it. */
export function toArtifactMessage(artifact: Shown, fetch?: FetchUrl): ArtifactMessage {
  const { artifactId, artifactType, contentType, result, sizeBytes } = artifact;
  return create(ArtifactSchema, {
    name: artifactName(artifact),
    ...(result && { ...result, testIdStructured: structuredIdOf(result.testId) }),
    artifactId,
    contentType,
    artifactType,
    sizeBytes: BigInt(sizeBytes),
    hasLines: isText(contentType),
    ...(fetch && { fetchUrl: fetch.url, fetchUrlExpiration: toTimestamp(fetch.expireTime) }),
  });
}

/** Whether the content consists of lines, by its media type. */
export function isText(contentType: string): boolean {
  return /^text\//i.test(contentType);
}
