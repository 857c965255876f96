/**
 * Answers "why is my run not over?" with the chain of blockers, from an invocation down to the one
 * that holds it up, with the owner and the deadline of that one.
 */

import type { Reader } from '@postlude/queue/storage';
import type { FinalizationState } from '../invocations/finalization-state.ts';
import type { InvocationId } from '../invocations/id.ts';
import type { InvocationOutline } from '../invocations/invocation.ts';
import { readOutlines, requireInvocation } from '../invocations/invocations.ts';
import { nextInChain, readUnfinalized } from './blocker.ts';
import { Ledger } from './group/ledger.ts';

export interface Explanation {
  /**
   * - `FINALIZED`: the invocation is over.
   * - `ACTIVE`: its own owner has not finalized it.
   * - `WAITS_FOR_ACTIVE`: the owner of the last invocation in the chain has not finalized that one.
   * - `BEING_DECIDED`: nothing holds it up; the last invocation in the chain is due to be tried.
   */
  readonly reason: 'FINALIZED' | 'ACTIVE' | 'WAITS_FOR_ACTIVE' | 'BEING_DECIDED';
  /** It begins with the invocation that was asked about; each invocation waits for the next. */
  readonly chain: readonly InvocationOutline[];
  /**
   * A very long chain is cut: its last invocation is the end, which the one before it does not wait
   * for directly.
   */
  readonly isShortened: boolean;
}

const MAX_CHAIN = 100;

/** Throws `not-found` if there is no such invocation. */
export async function explain(reader: Reader, id: InvocationId): Promise<Explanation> {
  const invocation = await requireInvocation(reader, id);
  if (invocation.state !== 'FINALIZING') {
    return { reason: invocation.state, chain: [invocation], isShortened: false };
  }
  const { ids, end, isShortened } = await readChain(reader, id);
  const found = await readOutlines(reader, ids);
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

/** Goes from blocker to blocker, and skips to the end once the chain has become long. */
async function readChain(reader: Reader, id: InvocationId): Promise<Chain> {
  const ledger = new Ledger(reader);
  const ids = [id];
  let end = await ledger.state(id);
  let next = await blockerOf(ledger, end);
  while (next && ids.length < MAX_CHAIN) {
    ids.push(next.id);
    end = next;
    next = await blockerOf(ledger, end);
  }
  const isShortened = next !== undefined;
  while (next) {
    end = next;
    next = await nextInChain(ledger, end);
  }
  return { ids: end && isShortened ? [...ids, end.id] : ids, end, isShortened };
}

async function blockerOf(
  ledger: Ledger,
  waiter: FinalizationState | undefined,
): Promise<FinalizationState | undefined> {
  return await readUnfinalized(ledger, waiter?.blocker);
}
