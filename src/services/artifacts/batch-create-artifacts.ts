import { create } from '@bufbuild/protobuf';
import { MAX_BATCH_CONTENT_BYTES } from '../../artifacts/limits.ts';
import {
  type BatchCreateArtifactsRequest,
  type BatchCreateArtifactsResponse,
  BatchCreateArtifactsResponseSchema,
  type CreateArtifactRequest,
} from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { type InvocationId, invocationName } from '../../invocations/id.ts';
import { checkBatch, requireDistinct } from '../recorder/batch.ts';
import type { RecorderParts } from '../recorder/parts.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField, invalid } from '../shared/field.ts';
import { toArtifactMessage } from './artifact-message.ts';
import { type ArtifactParent, artifactName, parseParentName } from './artifact-name.ts';
import { type CheckedArtifact, checkArtifact } from './check-artifact.ts';
import { uploadArtifacts } from './upload-artifact.ts';

/** Records all of them or none. What is there already with the same content is left as it is. */
export async function batchCreateArtifacts(
  parts: RecorderParts,
  request: BatchCreateArtifactsRequest,
  context: CallContext,
): Promise<BatchCreateArtifactsResponse> {
  const { id, given } = checkRequest(request);
  if (id === undefined) return create(BatchCreateArtifactsResponseSchema);
  const arriving = given.map(({ content, ...announced }) => ({ announced, body: inOne(content) }));
  await uploadArtifacts(parts, { invocationId: id, arriving }, context);
  const artifacts = given.map((artifact) => toArtifactMessage({ ...artifact, invocationId: id }));
  return create(BatchCreateArtifactsResponseSchema, { artifacts });
}

interface Checked {
  /** `undefined` if the batch is empty. */
  readonly id: InvocationId | undefined;
  readonly given: readonly CheckedArtifact[];
}

function checkRequest(request: BatchCreateArtifactsRequest): Checked {
  const batch = request.parent === '' ? undefined : inField('parent', () => parentOf(request));
  let id = batch?.invocationId;
  const checked = checkBatch(request, (inner) => {
    const parent = innerParent(inner, batch);
    id ??= parent.invocationId;
    if (parent.invocationId !== id) {
      throw invalid(`parent: only one invocation is allowed: ${invocationName(id)}`);
    }
    const { artifact } = inner;
    return {
      artifact: inField('artifact', () => {
        if (artifact === undefined) throw invalid('unspecified');
        return checkArtifact(artifact, parent);
      }),
      parent,
    };
  });
  requireDistinct(checked, ({ artifact, parent }) => artifactName({ ...parent, ...artifact }));
  const given = checked.map(({ artifact }) => artifact);
  requireContentSize(given);
  return { id, given };
}

function parentOf({ parent }: BatchCreateArtifactsRequest): ArtifactParent {
  const parsed = parseParentName(parent);
  if (parsed.result !== undefined) throw invalid('must be the name of an invocation');
  return parsed;
}

function innerParent(
  { parent }: CreateArtifactRequest,
  batch: ArtifactParent | undefined,
): ArtifactParent {
  if (parent === '' && batch !== undefined) return batch;
  return inField('parent', () => {
    if (parent === '') throw invalid('unspecified');
    return parseParentName(parent);
  });
}

function requireContentSize(given: readonly CheckedArtifact[]): void {
  const size = given.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (size <= MAX_BATCH_CONTENT_BYTES) return;
  throw invalid(
    `requests: contents have ${size} bytes; at most ${MAX_BATCH_CONTENT_BYTES} are allowed`,
  );
}

async function* inOne(content: Uint8Array): AsyncIterable<Uint8Array> {
  yield content;
}
