/** Reads what the watchers of an invocation are shown: rows of its chain of blockers, and no inclusions. */
import { create } from '@bufbuild/protobuf';
import type { Reader } from '@postlude/queue/storage';
import { explain } from '../../finalizer/explain.ts';
import {
  type WatchInvocationResponse,
  WatchInvocationResponseSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import type { InvocationId } from '../../invocations/id.ts';
import { readMarks, requireInvocation } from '../../invocations/invocations.ts';
import { toInvocationMessage } from '../shared/invocation-message.ts';
import { toExplanationMessage } from './explanation-message.ts';

export interface WatchedReading {
  readonly response: WatchInvocationResponse;
  /** The marks of the invocation and of those that it waits for. The response is current while they are. */
  readonly marks: ReadonlyMap<InvocationId, string>;
}

/** Throws `not-found` if there is no such invocation. */
export async function readWatched(reader: Reader, id: InvocationId): Promise<WatchedReading> {
  const invocation = toInvocationMessage(await requireInvocation(reader, id), []);
  const explanation = await explain(reader, id);
  const marks = await readMarks(
    reader,
    explanation.chain.map((each) => each.id),
  );
  const response = create(WatchInvocationResponseSchema, {
    invocation,
    explanation: toExplanationMessage(explanation),
  });
  return { response, marks };
}
