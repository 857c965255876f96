/** Every change of an invocation requires its update token and the state ACTIVE. */

import type { Transaction } from '@postlude/queue/storage';
import type { InvocationId } from '../../invocations/id.ts';
import type { Invocation } from '../../invocations/invocation.ts';
import { requireActive } from '../../invocations/invocations.ts';
import type { CallContext } from '../shared/call-context.ts';
import type { RecorderParts } from './parts.ts';
import { requireUpdateToken } from './update-token.ts';

interface Mutation {
  readonly parts: RecorderParts;
  readonly context: CallContext;
  readonly id: InvocationId;
  /** `update` if the row of the invocation itself changes. */
  readonly lock?: 'share' | 'update';
}

/**
 * Runs `fn` in a transaction in which the invocation is ACTIVE. The token is checked before
 * anything is read. Throws `not-found` or `failed-precondition` if the invocation is not ACTIVE.
 */
export async function mutateInvocation<T>(
  { context, id, lock = 'share', parts }: Mutation,
  fn: (tx: Transaction, invocation: Invocation) => Promise<T>,
): Promise<T> {
  requireUpdateToken(parts.updateTokens, context.updateTokens, id);
  return parts.db.write(
    async (tx) => {
      return await fn(tx, await requireActive(tx, id, lock));
    },
    { signal: context.signal },
  );
}
