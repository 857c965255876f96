/** Converts artifacts to the messages of the API. */
import { create } from '@bufbuild/protobuf';
import type { Artifact, ArtifactKey } from '../../artifacts/artifact.ts';
import type { FoundArtifact } from '../../artifacts/artifact-pages.ts';
import {
  type Artifact as ArtifactMessage,
  ArtifactSchema,
} from '../../gen/luci/resultdb/v1/artifact_pb.js';
import { TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { structuredIdOf } from '../../results/identity/structured-id.ts';
import { toTimestamp } from '../shared/timestamp.ts';
import { artifactName } from './artifact-name.ts';
import type { FetchUrl } from './fetch-urls.ts';

type Shown = ArtifactKey &
  Pick<Artifact, 'artifactType' | 'contentType' | 'sizeBytes'> &
  Partial<Pick<FoundArtifact, 'test'>>;

/** The variant and the status of the test are left out if the result has not been read. */
export function toArtifactMessage(artifact: Shown, fetch?: FetchUrl): ArtifactMessage {
  const { artifactId, artifactType, contentType, result, sizeBytes, test } = artifact;
  return create(ArtifactSchema, {
    name: artifactName(artifact),
    ...(result && {
      ...result,
      testIdStructured: {
        ...structuredIdOf(result.testId),
        ...(test && {
          moduleVariant: { def: { ...test.variant } },
          moduleVariantHash: test.variantHash,
        }),
      },
    }),
    ...(test && { testStatus: TestStatus[test.status] }),
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
