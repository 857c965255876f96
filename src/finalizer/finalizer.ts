/**
 * Decides when an invocation is FINALIZED: once everything it reaches is, so that nothing below it
 * can change any more. That is decided once, in one transaction, together with the tasks that
 * follow from it.
 *
 * Each FINALIZING invocation X watches one *blocker*: an invocation it reaches that is not
 * FINALIZED. Nothing else needs watching, since X cannot be FINALIZED before that one. A try:
 *
 * 1. X is not FINALIZING, or its blocker is not FINALIZED: nothing to do.
 * 2. Take the first direct inclusion Y in key order that is not FINALIZED, from where the last try
 *    ended. None is left: finalize X, and wake all whose blocker it is. Keys lead with a hash, so
 *    the order is as good as random: of n inclusions X waits for about ln n, and looks at each once.
 * 3. Follow the blockers from Y. They end at an invocation that is ACTIVE, or due to be tried:
 *    wait for Y.
 * 4. They end at X itself: the waits would form a cycle. Walk all that X reaches and is not
 *    FINALIZED. An ACTIVE one turns up: wait for that. None does: they can never change again, and
 *    become FINALIZED together, however many they are: see close.ts.
 *
 * Safety: FINALIZED means that all it reaches is FINALIZED. Liveness: every FINALIZING invocation
 * has a task, or is marked by one that has, or has a blocker that is not FINALIZED, and blockers
 * never form a cycle; so each chain of blockers ends at one that is ACTIVE or will be finalized by a
 * task, and whose end wakes those who wait for it.
 *
 * What may take many reads (2, 3 and 4 of large graphs) is read in snapshots before the transaction
 * that decides: a transaction that has read much conflicts with everybody. What a snapshot finds
 * stays true, since nothing leaves FINALIZED, and what is past ACTIVE includes nothing new.
 */

import {
  type FinalizationState,
  readFinalizationState,
  setBlocker,
} from '../invocations/finalization-state.ts';
import type { InvocationId } from '../invocations/id.ts';
import type { Transaction } from '../storage/database.ts';
import { endOfChain, isUnfinalized, nextUnfinalized } from './blocker.ts';
import { type Bounds, DEFAULT_BOUNDS } from './bounds.ts';
import { close, settle, tryRoot } from './close.ts';
import { finalize, wakeWaiters } from './finalize.ts';
import { isQuestion, type Known } from './known.ts';
import { lookFor } from './look.ts';
import type { FinalizerParts } from './parts.ts';
import type { TryOutcome, Verdict } from './verdict.ts';

/** Tries to finalize an invocation. May be called at any time, any number of times. */
export async function tryFinalize(parts: FinalizerParts, id: InvocationId): Promise<TryOutcome> {
  let known: Known = {};
  while (true) {
    const verdict = await parts.db.write((tx) => decide(parts, tx, id, known));
    if (!isQuestion(verdict)) return verdict;
    known = { ...known, ...(await lookFor(parts, id, verdict)) };
  }
}

/** One transaction of a try; `known` is what its questions so far have been answered. */
export async function decide(
  parts: FinalizerParts,
  tx: Transaction,
  id: InvocationId,
  known: Known,
): Promise<Verdict> {
  const x = await readFinalizationState(tx, id);
  if (x?.state === 'FINALIZED') return await afterwards(parts, tx, x);
  if (x?.state !== 'FINALIZING') return 'idle';
  if (x.closedBy && x.closedBy !== x.id) return await tryRoot(parts, tx, x.closedBy);
  if (await isUnfinalized(tx, x.blocker)) return 'waiting';
  if (known.closed) return await close(parts, tx, x, { ...known, closed: known.closed });
  if (x.closedBy) return { question: 'cycle' }; // its set is closed: it never waits again
  return (await waitForActive(parts, tx, x, known)) ?? (await waitForNext(parts, tx, x, known));
}

/** What may be left to do for one that is FINALIZED. */
async function afterwards(
  parts: FinalizerParts,
  tx: Transaction,
  x: FinalizationState,
): Promise<Verdict> {
  if (x.closedBy) return await settle(parts, tx, x);
  await wakeWaiters(parts, tx, [x.id]); // of very many, some may be left
  return 'idle';
}

/** Waits for the ACTIVE invocation that was found behind a cycle, unless it is FINALIZED by now. */
async function waitForActive(
  parts: FinalizerParts,
  tx: Transaction,
  x: FinalizationState,
  known: Known,
): Promise<Verdict | undefined> {
  const blocker = known.active && (await readFinalizationState(tx, known.active));
  if (!blocker || blocker.state === 'FINALIZED') return undefined;
  return await waitFor(parts, tx, { x, blocker, finalizedUpTo: x.finalizedUpTo }, known);
}

async function waitForNext(
  parts: FinalizerParts,
  tx: Transaction,
  x: FinalizationState,
  known: Known,
): Promise<Verdict> {
  const blocker = await nextUnfinalized(tx, x, known, boundsOf(parts).inclusions);
  if (isQuestion(blocker)) return blocker;
  if (blocker === undefined) return await finalize(parts, tx, [x]);
  return await waitFor(parts, tx, { x, blocker, finalizedUpTo: blocker.id }, known);
}

interface Waiting {
  readonly x: FinalizationState;
  readonly blocker: FinalizationState;
  /** Once the blocker is FINALIZED, all inclusions of `x` up to this one are. */
  readonly finalizedUpTo: InvocationId | undefined;
}

async function waitFor(
  parts: FinalizerParts,
  tx: Transaction,
  { x, blocker, finalizedUpTo }: Waiting,
  known: Known,
): Promise<Verdict> {
  const maxHops = boundsOf(parts).hops;
  const blockerEnd = await endOfChain(tx, blocker, x.id, { ...known, maxHops });
  if (isQuestion(blockerEnd)) return blockerEnd;
  if (blockerEnd === x.id) return { question: 'cycle' };
  await setBlocker(tx, { waiter: x.id, blocker: blocker.id, blockerEnd, finalizedUpTo });
  const { onChange } = parts;
  if (onChange) tx.afterCommit(() => onChange([x.id]));
  return 'waiting';
}

function boundsOf({ bounds = DEFAULT_BOUNDS }: FinalizerParts): Bounds {
  return bounds;
}
