/**
 * Decides when an invocation is FINALIZED: once everything it reaches is FINALIZED, so that nothing
 * below it can change any more. The decision is made once, in one transaction, together with the
 * tasks that follow from it.
 *
 * Each FINALIZING invocation X watches one *blocker*: an invocation that X reaches and that is not
 * FINALIZED. Nothing else needs watching, since X cannot be FINALIZED before its blocker is. A try
 * takes these steps:
 *
 * 1. If X is not FINALIZING, or its blocker is not FINALIZED, there is nothing to do.
 * 2. Take the first direct inclusion Y in key order that is not FINALIZED, from where the last try
 *    ended. If none is left, finalize X and wake all invocations that X blocks. Keys begin with a
 *    hash, so the order is as good as random: X waits for about ln n of its n inclusions, and looks
 *    at each of them once.
 * 3. Follow the blockers from Y. If they end at an invocation that is ACTIVE or due to be tried,
 *    wait for Y.
 * 4. If they end at X itself, the waits would form a cycle. Walk everything that X reaches and that
 *    is not FINALIZED. If one of these invocations is ACTIVE, wait for it. If none is, they can
 *    never change again and become FINALIZED together, however many they are: see close.ts.
 *
 * Safety: a FINALIZED invocation reaches only FINALIZED ones. Liveness: each FINALIZING invocation
 * has a task, is marked by an invocation that has a task, or has a blocker that is not FINALIZED.
 * Blockers never form a cycle. So each chain of blockers ends at an invocation that is ACTIVE or
 * that a task will finalize, and its end wakes the invocations that wait for it.
 *
 * Steps 2, 3 and 4 may take many reads in a large graph. These are made in snapshots, outside the
 * transaction that decides, since a transaction that has read much conflicts with all others. What
 * a snapshot finds stays true: no invocation leaves FINALIZED, and one that has left ACTIVE
 * includes nothing new.
 */

import type { Transaction } from '@postlude/queue/storage';
import {
  type FinalizationState,
  readFinalizationState,
  setBlocker,
} from '../invocations/finalization-state.ts';
import type { InvocationId } from '../invocations/id.ts';
import { answerQuestion } from './answer-question.ts';
import { endOfChain, isUnfinalized, nextUnfinalized, readUnfinalized } from './blocker.ts';
import { type Bounds, DEFAULT_BOUNDS } from './bounds.ts';
import { closeSet, settle, tryRoot } from './close.ts';
import { finalize, wakeWaiters } from './finalize.ts';
import type { FinalizerParts } from './parts.ts';
import { type Answers, isQuestion } from './questions.ts';
import type { TryOutcome, Verdict } from './verdict.ts';

/** Tries to finalize an invocation. It may be called at any time, any number of times. */
export async function tryFinalize(parts: FinalizerParts, id: InvocationId): Promise<TryOutcome> {
  let answers: Answers = {};
  while (true) {
    const verdict = await parts.db.write((tx) => decide(parts, tx, { id, answers }));
    if (!isQuestion(verdict)) return verdict;
    answers = { ...answers, ...(await answerQuestion(parts, id, verdict)) };
  }
}

export interface TryRequest {
  readonly id: InvocationId;
  /** The answers to all questions that the try has asked so far. */
  readonly answers: Answers;
}

/** Runs one transaction of a try. */
export async function decide(
  parts: FinalizerParts,
  tx: Transaction,
  { id, answers }: TryRequest,
): Promise<Verdict> {
  const waiter = await readFinalizationState(tx, id);
  if (waiter === undefined) return 'idle';
  return await new Try({ parts, tx, waiter, answers }).decide();
}

interface TryParts {
  readonly parts: FinalizerParts;
  readonly tx: Transaction;
  readonly waiter: FinalizationState;
  readonly answers: Answers;
}

/** One transaction of a try. In the prose above, the waiter is X. */
class Try {
  readonly #parts: FinalizerParts;
  readonly #tx: Transaction;
  readonly #waiter: FinalizationState;
  readonly #answers: Answers;
  readonly #bounds: Bounds;

  constructor({ parts, tx, waiter, answers }: TryParts) {
    this.#parts = parts;
    this.#tx = tx;
    this.#waiter = waiter;
    this.#answers = answers;
    this.#bounds = parts.bounds ?? DEFAULT_BOUNDS;
  }

  async decide(): Promise<Verdict> {
    const { id, state, blocker, closedBy } = this.#waiter;
    if (state === 'ACTIVE') return 'idle';
    if (state === 'FINALIZED') return await this.#finishUp();
    if (closedBy && closedBy !== id) return await tryRoot(this.#parts, this.#tx, closedBy);
    if (await isUnfinalized(this.#tx, blocker)) return 'waiting';
    if (this.#answers.closed) return await this.#closeSet(this.#answers.closed);
    if (closedBy) return { question: 'cycle' }; // The set is closed, so its root never waits again.
    return (await this.#waitForActive()) ?? (await this.#waitForInclusion());
  }

  /** Does what may be left to do for an invocation that is already FINALIZED. */
  async #finishUp(): Promise<Verdict> {
    if (this.#waiter.closedBy) return await settle(this.#parts, this.#tx, this.#waiter);
    // If very many invocations waited for this one, some may not have been woken yet.
    await wakeWaiters(this.#parts, this.#tx, [this.#waiter.id]);
    return 'idle';
  }

  async #closeSet(members: readonly InvocationId[]): Promise<Verdict> {
    const { marked = 0 } = this.#answers;
    return await closeSet(this.#parts, this.#tx, { root: this.#waiter, members, marked });
  }

  /**
   * Waits for the ACTIVE invocation that the walk of a cycle found, unless that is FINALIZED by
   * now.
   */
  async #waitForActive(): Promise<Verdict | undefined> {
    const blocker = await readUnfinalized(this.#tx, this.#answers.active);
    return blocker && (await this.#waitFor(blocker, this.#waiter.finalizedUpTo));
  }

  async #waitForInclusion(): Promise<Verdict> {
    const blocker = await nextUnfinalized(this.#tx, this.#waiter, {
      ...this.#answers,
      maxInclusions: this.#bounds.inclusions,
    });
    if (isQuestion(blocker)) return blocker;
    if (blocker === undefined) return await finalize(this.#parts, this.#tx, [this.#waiter]);
    return await this.#waitFor(blocker, blocker.id);
  }

  /** Once the blocker is FINALIZED, so are all inclusions of the waiter up to `finalizedUpTo`. */
  async #waitFor(
    blocker: FinalizationState,
    finalizedUpTo: InvocationId | undefined,
  ): Promise<Verdict> {
    const waiter = this.#waiter.id;
    const limits = { waiter, maxHops: this.#bounds.hops };
    const blockerEnd = await endOfChain(this.#tx, blocker, { ...this.#answers, ...limits });
    if (isQuestion(blockerEnd)) return blockerEnd;
    if (blockerEnd === waiter) return { question: 'cycle' };
    await setBlocker(this.#tx, { waiter, blocker: blocker.id, blockerEnd, finalizedUpTo });
    const { onChange } = this.#parts;
    if (onChange) this.#tx.afterCommit(() => onChange([waiter]));
    return 'waiting';
  }
}
