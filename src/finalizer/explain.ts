/**
 * "Why is my run not over?": the chain of blockers, from an invocation down to the one that holds it
 * up, with that one's owner and deadline.
 */

import {
  type FinalizationState,
  readFinalizationState,
} from '../invocations/finalization-state.ts';
import type { InvocationId } from '../invocations/id.ts';
import type { Invocation } from '../invocations/invocation.ts';
import { readInvocations, requireInvocation } from '../invocations/invocations.ts';
import type { Reader } from '../storage/database.ts';
import { nextInChain } from './blocker.ts';

export interface Explanation {
  /**
   * `FINALIZED`: it is over. `ACTIVE`: its own owner has not finalized it. `WAITS_FOR_ACTIVE`: the
   * owner of the last in the chain has not finalized that. `BEING_DECIDED`: nothing holds it up;
   * the last in the chain is due to be tried.
   */
  readonly reason: 'FINALIZED' | 'ACTIVE' | 'WAITS_FOR_ACTIVE' | 'BEING_DECIDED';
  /** From the invocation that was asked about; each waits for the next. */
  readonly chain: readonly Invocation[];
  /** Of a very long chain, the last is not the blocker of the last but one, but further on. */
  readonly isShortened: boolean;
}

const MAX_CHAIN = 100;

/** Throws `not-found`. */
export async function explain(reader: Reader, id: InvocationId): Promise<Explanation> {
  const invocation = await requireInvocation(reader, id);
  if (invocation.state !== 'FINALIZING') {
    return { reason: invocation.state, chain: [invocation], isShortened: false };
  }
  const { ids, end, isShortened } = await readChain(reader, id);
  const found = await readInvocations(reader, ids);
  return {
    reason: end?.state === 'ACTIVE' ? 'WAITS_FOR_ACTIVE' : 'BEING_DECIDED',
    chain: ids.flatMap((each) => found.get(each) ?? []),
    isShortened,
  };
}

interface Chain {
  readonly ids: readonly InvocationId[];
  readonly end: FinalizationState | undefined;
  readonly isShortened: boolean;
}

/** Blocker by blocker, then by leaps to the end. */
async function readChain(reader: Reader, id: InvocationId): Promise<Chain> {
  const ids = [id];
  let end = await readFinalizationState(reader, id);
  let next = await blockerOf(reader, end);
  while (next && ids.length < MAX_CHAIN) {
    ids.push(next.id);
    end = next;
    next = await blockerOf(reader, end);
  }
  const isShortened = next !== undefined;
  while (next) {
    end = next;
    next = await nextInChain(reader, end);
  }
  return { ids: end && isShortened ? [...ids, end.id] : ids, end, isShortened };
}

async function blockerOf(
  reader: Reader,
  waiter: FinalizationState | undefined,
): Promise<FinalizationState | undefined> {
  const blocker = waiter?.blocker && (await readFinalizationState(reader, waiter.blocker));
  return blocker && blocker.state !== 'FINALIZED' ? blocker : undefined;
}
