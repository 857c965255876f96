import { create } from '@bufbuild/protobuf';
import { CodedError } from '@postlude/queue/foundations';
import {
  type ListArtifactLinesRequest,
  type ListArtifactLinesResponse,
  ListArtifactLinesResponseSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { MAX_PAGE_BYTES } from '../../results/page.ts';
import type { ResultDbParts } from '../resultdb/parts.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { pageSize, RESULT_PAGES } from '../shared/page.ts';
import { requireInRealms } from '../shared/readable.ts';
import { readLines } from './artifact-lines.ts';
import { isText } from './artifact-message.ts';
import { parseArtifactName } from './artifact-name.ts';
import { openArtifact } from './fetch-artifact.ts';

/** Returns the first lines of a text, as many as fit into a response. */
export async function listArtifactLines(
  parts: ResultDbParts,
  { pageSize: requested, parent }: ListArtifactLinesRequest,
  context: CallContext,
): Promise<ListArtifactLinesResponse> {
  const key = inField('parent', () => parseArtifactName(parent));
  await requireInRealms(parts, context, {
    permission: 'resultdb.artifacts.get',
    ids: [key.invocationId],
  });
  const limits = { lines: pageSize(requested, RESULT_PAGES), bytes: MAX_PAGE_BYTES };
  const artifact = await openArtifact(parts, key, context);
  if (artifact === undefined) throw new CodedError('not-found', `${parent} does not exist`);
  if (!isText(artifact.contentType)) {
    const problem = `${parent} is not a text: its content type is "${artifact.contentType}"`;
    throw new CodedError('failed-precondition', problem);
  }
  const lines = await readLines(artifact.content(), limits);
  return create(ListArtifactLinesResponseSchema, { lines });
}
