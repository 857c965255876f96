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
 * A transaction may try many invocations, a *group*, and those that it has woken, a *cascade*. That
 * has the effect of the same tries one after another, so all of this holds for it: see
 * group/group.ts.
 *
 * Steps 2, 3 and 4 may take many reads in a large graph. These are made in snapshots, outside the
 * transaction that decides, since a transaction that has read much conflicts with all others. What
 * a snapshot finds stays true: no invocation leaves FINALIZED, and one that has left ACTIVE
 * includes nothing new.
 */

import type { Transaction } from '@postlude/queue/storage';
import type { InvocationId } from '../invocations/id.ts';
import { answerQuestion } from './answer-question.ts';
import { decideGroup, type TryRequest } from './group/group.ts';
import type { FinalizerParts } from './parts.ts';
import { type Answers, isQuestion, type Question } from './questions.ts';
import type { TryOutcome, Verdict } from './verdict.ts';

/** Tries to finalize an invocation. It may be called at any time, any number of times. */
export async function tryFinalize(parts: FinalizerParts, id: InvocationId): Promise<TryOutcome> {
  return await continueTry(parts, id, undefined);
}

/** Goes on with a try that has asked a question, alone. */
export async function continueTry(
  parts: FinalizerParts,
  id: InvocationId,
  asked: Question | undefined,
): Promise<TryOutcome> {
  let answers: Answers = {};
  let question = asked;
  while (true) {
    if (question) answers = { ...answers, ...(await answerQuestion(parts, id, question)) };
    const verdict = await parts.db.write((tx) => decide(parts, tx, { id, answers }));
    if (!isQuestion(verdict)) return verdict;
    question = verdict;
  }
}

/** Runs one transaction of a try, and what follows from it. */
export async function decide(
  parts: FinalizerParts,
  tx: Transaction,
  request: TryRequest,
): Promise<Verdict> {
  const { verdicts, write } = await decideGroup(parts, tx, [request]);
  await write();
  return verdicts[0] ?? 'idle';
}
