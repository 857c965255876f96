import { create } from '@bufbuild/protobuf';
import { artifactsPage } from '../../artifacts/artifact-pages.ts';
import { ArtifactSchema } from '../../gen/luci/resultdb/v1/artifact_pb.js';
import {
  type ListArtifactsRequest,
  ListArtifactsRequestSchema,
  type ListArtifactsResponse,
  ListArtifactsResponseSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { toRowId } from '../../invocations/id.ts';
import type { ResultDbParts } from '../resultdb/parts.ts';
import { nextPageToken, pageStart } from '../resultdb/result-pages.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { mapInSlices } from '../shared/map-in-slices.ts';
import { PageTokens, pageSize, RESULT_PAGES } from '../shared/page.ts';
import { applyReadMask, parseReadMask, type ReadMask } from '../shared/read-mask.ts';
import { requireInRealms } from '../shared/readable.ts';
import { toArtifactMessage } from './artifact-message.ts';
import { parseParentName } from './artifact-name.ts';

/** Lists the artifacts of an invocation, without those of its results, or the artifacts of one result. */
export async function listArtifacts(
  parts: ResultDbParts,
  request: ListArtifactsRequest,
  context: CallContext,
): Promise<ListArtifactsResponse> {
  const { signal } = context;
  const parent = inField('parent', () => parseParentName(request.parent));
  await requireInRealms(parts, context, {
    permission: 'resultdb.artifacts.list',
    ids: [parent.invocationId],
  });
  const mask = artifactMask(request.readMask);
  const tokens = PageTokens.of(ListArtifactsRequestSchema, request);
  const after = pageStart(tokens);
  const limit = pageSize(request.pageSize, RESULT_PAGES);
  const rowIds = [toRowId(parent.invocationId)];
  const page = await artifactsPage(parts.db, { rowIds, parent, after, limit, signal });
  return create(ListArtifactsResponseSchema, {
    artifacts: await mapInSlices(page.items, signal, (artifact) =>
      applyReadMask(
        ArtifactSchema,
        toArtifactMessage(artifact, parts.fetchUrls.of(artifact, context)),
        mask,
      ),
    ),
    nextPageToken: nextPageToken(tokens, page),
  });
}

/** The mask always keeps the name. Throws `invalid-argument` if a field does not exist. */
export function artifactMask(
  readMask: { readonly paths: readonly string[] } | undefined,
): ReadMask | 'all' {
  if (readMask === undefined || readMask.paths.length === 0) return 'all';
  return inField('read_mask', () => parseReadMask(ArtifactSchema, ['name', ...readMask.paths]));
}
