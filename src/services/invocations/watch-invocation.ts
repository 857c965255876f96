import { Invocation_State } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import type {
  WatchInvocationRequest,
  WatchInvocationResponse,
} from '../../gen/postlude/v1/invocations_pb.js';
import { parseInvocationName } from '../../invocations/id.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { requireInRealms } from '../shared/readable.ts';
import type { ReadingParts } from './parts.ts';
import type { WatchedInvocations } from './watched-invocations.ts';

export interface WatchingParts extends ReadingParts {
  readonly watched: WatchedInvocations;
}

/** The stream ends after the message that shows FINALIZED, or when the caller disconnects. */
export async function* watchInvocation(
  parts: WatchingParts,
  request: WatchInvocationRequest,
  context: CallContext,
): AsyncGenerator<WatchInvocationResponse, void, void> {
  const id = inField('name', () => parseInvocationName(request.name));
  await requireInRealms(parts, context, { permission: 'resultdb.invocations.get', ids: [id] });
  for await (const current of parts.watched.watch(id, context.signal)) {
    yield current;
    if (current.invocation?.state === Invocation_State.FINALIZED) return;
  }
}
