/** Records an artifact whose content arrives as a stream: whole and as announced, or not at all. */
import { missingArtifacts, recordArtifacts } from '../../artifacts/artifacts.ts';
import type { InvocationId } from '../../invocations/id.ts';
import { requireActiveInvocation } from '../../invocations/invocations.ts';
import { mutateInvocation } from '../recorder/mutate-invocation.ts';
import type { RecorderParts } from '../recorder/parts.ts';
import { requireUpdateToken } from '../recorder/update-token.ts';
import type { CallContext } from '../shared/call-context.ts';
import { type ArrivingContent, keepContents } from './keep-contents.ts';

/** Artifacts of one invocation, and their contents as they arrive. */
export interface ArtifactUpload {
  readonly invocationId: InvocationId;
  readonly arriving: readonly ArrivingContent[];
}

/** Records all of them or none. Contents that are there already, or cannot be recorded, are not read. */
export async function uploadArtifacts(
  parts: RecorderParts,
  { arriving, invocationId: id }: ArtifactUpload,
  context: CallContext,
): Promise<void> {
  requireUpdateToken(parts.updateTokens, context.updateTokens, id);
  const announced = arriving.map((each) => each.announced);
  const missing = await parts.db.read(async (tx) => {
    await requireActiveInvocation(tx, id);
    return new Set(await missingArtifacts(tx, id, announced));
  }, context);
  if (missing.size === 0) return;
  const wanted = arriving.filter((each) => missing.has(each.announced));
  const given = await keepContents(parts, wanted, context.signal);
  await mutateInvocation({ parts, context, id }, (tx) =>
    recordArtifacts(tx, id, { given, now: parts.clock.now() }),
  );
}
