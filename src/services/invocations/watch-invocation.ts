import { create, equals } from '@bufbuild/protobuf';
import type { Reader } from '@postlude/queue/storage';
import { explain } from '../../finalizer/explain.ts';
import { Invocation_State } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import {
  type WatchInvocationRequest,
  type WatchInvocationResponse,
  WatchInvocationResponseSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import { type InvocationId, parseInvocationName } from '../../invocations/id.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { readInvocationMessage } from '../shared/invocation-message.ts';
import { requireInRealms } from '../shared/readable.ts';
import { toExplanationMessage } from './explanation-message.ts';
import type { ReadingParts } from './parts.ts';

/** How long a change stays unnoticed if its announcement was lost. */
const POLL_MS = 2_000;

/** The stream ends after the message that shows FINALIZED, or when the caller disconnects. */
export async function* watchInvocation(
  parts: ReadingParts,
  request: WatchInvocationRequest,
  { caller, signal }: CallContext,
): AsyncGenerator<WatchInvocationResponse, void, void> {
  const id = inField('name', () => parseInvocationName(request.name));
  await requireInRealms(parts, caller, { permission: 'resultdb.invocations.get', ids: [id] });
  let last: WatchInvocationResponse | undefined;
  while (!signal.aborted) {
    const change = new AbortController();
    // Subscribe before reading, so that no change goes unnoticed between the two.
    const unsubscribe = parts.changes.subscribe(id, () => change.abort());
    try {
      const current = await parts.db.read((tx) => readResponse(tx, id));
      if (!last || !equals(WatchInvocationResponseSchema, last, current)) yield current;
      if (current.invocation?.state === Invocation_State.FINALIZED) return;
      last = current;
      await parts.clock.sleep(POLL_MS, AbortSignal.any([signal, change.signal]));
    } finally {
      unsubscribe();
    }
  }
}

async function readResponse(reader: Reader, id: InvocationId): Promise<WatchInvocationResponse> {
  const invocation = await readInvocationMessage(reader, id);
  const explanation = toExplanationMessage(await explain(reader, id));
  return create(WatchInvocationResponseSchema, { invocation, explanation });
}
