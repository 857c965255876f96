import { create } from '@bufbuild/protobuf';
import { queriedArtifactsPage } from '../../artifacts/artifact-pages.ts';
import { ArtifactSchema } from '../../gen/luci/resultdb/v1/artifact_pb.js';
import {
  type QueryArtifactsRequest,
  QueryArtifactsRequestSchema,
  type QueryArtifactsResponse,
  QueryArtifactsResponseSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { toRowOrder } from '../../invocations/id.ts';
import { selectVariants } from '../../results/variants/select-variants.ts';
import type { ResultDbParts } from '../resultdb/parts.ts';
import { requireScope } from '../resultdb/query-scope.ts';
import type { ReachableSet, Root } from '../resultdb/reachable-sets.ts';
import { nextPageToken, pageStart } from '../resultdb/result-pages.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField, invalid } from '../shared/field.ts';
import { mapInSlices } from '../shared/map-in-slices.ts';
import { PageTokens, pageSize, RESULT_PAGES } from '../shared/page.ts';
import { applyReadMask } from '../shared/read-mask.ts';
import { toArtifactMessage } from './artifact-message.ts';
import { ALL_ARTIFACTS, type CheckedPredicate, toArtifactPredicate } from './artifact-predicate.ts';
import { artifactMask } from './list-artifacts.ts';

/** Returns a page of the artifacts in all invocations that the named ones reach, however many. */
export async function queryArtifacts(
  parts: ResultDbParts,
  request: QueryArtifactsRequest,
  context: CallContext,
): Promise<QueryArtifactsResponse> {
  const { signal } = context;
  const roots = await requireScope(parts, context, {
    permission: 'resultdb.artifacts.list',
    request: { invocations: namesOf(request) },
  });
  const predicate = predicateOf(request);
  const mask = artifactMask(request.readMask);
  const tokens = PageTokens.of(QueryArtifactsRequestSchema, request);
  const after = pageStart(tokens);
  const limit = pageSize(request.pageSize, RESULT_PAGES);
  const set = await scopeOf(parts, roots, { predicate, signal });
  const page = await queriedArtifactsPage(parts.db, { ...set, predicate, after, limit, signal });
  return create(QueryArtifactsResponseSchema, {
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

function namesOf({ invocations, parent }: QueryArtifactsRequest): readonly string[] {
  if (parent === '') return invocations;
  if (invocations.length > 0) throw invalid('parent: must not be given together with invocations');
  return [parent];
}

function predicateOf({ predicate }: QueryArtifactsRequest): CheckedPredicate {
  if (predicate === undefined) return ALL_ARTIFACTS;
  return inField('predicate', () => toArtifactPredicate(predicate));
}

interface Wanted {
  readonly predicate: CheckedPredicate;
  readonly signal: AbortSignal;
}

async function scopeOf(
  { db, reachableSets }: ResultDbParts,
  roots: readonly Root[],
  { predicate: { ofIncluded, result = {} }, signal }: Wanted,
): Promise<ReachableSet> {
  if (ofIncluded) return await reachableSets.read(roots, result, signal);
  const rowIds = toRowOrder(roots.map(({ id }) => id));
  const untilAborted = { read: ((fn) => db.read(fn, { signal })) as typeof db.read };
  return { rowIds, variants: await selectVariants(untilAborted, rowIds, result) };
}
