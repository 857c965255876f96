/** Every change of an invocation requires its update token and the state ACTIVE. */

import type { Transaction } from '@postlude/queue/storage';
import type { InvocationId } from '../../invocations/id.ts';
import { requireActive } from '../../invocations/invocations.ts';
import type { CallContext } from '../shared/call-context.ts';
import type { RecorderParts } from './parts.ts';
import { requireUpdateToken } from './update-token.ts';

interface Mutation {
  readonly parts: RecorderParts;
  readonly context: CallContext;
  readonly id: InvocationId;
}

/**
 * Runs `fn` in a transaction in which the invocation is ACTIVE. The token is checked before
 * anything is read. Throws `not-found` or `failed-precondition` if the invocation is not ACTIVE.
 */
export async function mutateInvocation<T>(
  { context, id, parts }: Mutation,
  fn: (tx: Transaction) => Promise<T>,
): Promise<T> {
  requireUpdateToken(parts.updateTokens, context.updateTokens, id);
  return parts.db.write(
    async (tx) => {
      await requireActive(tx, id);
      return await fn(tx);
    },
    { signal: context.signal },
  );
}
