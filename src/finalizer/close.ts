/**
 * Makes a closed set FINALIZED, in one transaction if that can write the whole set. A larger set
 * takes these steps, each in transactions of bounded size:
 *
 * 1. The root takes the turn, so that no other set is marked meanwhile, and marks itself.
 * 2. It marks all members. A member's own tries then do nothing but see to it that the root is
 *    tried.
 * 3. The root becomes FINALIZED. At that one moment, all that it marked counts as FINALIZED.
 * 4. The members are settled: their rows are written, their exports enqueued, their waiters woken.
 *
 * The root's task stays until the last step. A try that repeats it, after a crash or beside another
 * worker, goes on from there: before step 3 by walking the set again, which is the same or has
 * fewer members by now; after step 3 by the index of marks. See ../invocations/closed-sets.ts for
 * what readers do.
 */
import type { EpochMs } from '@postlude/queue/foundations';
import { mutationsOfRow, type Transaction } from '@postlude/queue/storage';
import {
  decideClosed,
  markClosed,
  readMarked,
  readTurn,
  takeTurn,
  unmarkRoot,
} from '../invocations/closed-sets.ts';
import {
  type FinalizationState,
  readFinalizationStates,
} from '../invocations/finalization-state.ts';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import { invocations } from '../invocations/table.ts';
import { isUnfinalized } from './blocker.ts';
import { DEFAULT_BOUNDS } from './bounds.ts';
import { enqueueExports, mutationsToFinalize } from './finalize.ts';
import type { Decisions } from './group/decisions.ts';
import type { FinalizerParts } from './parts.ts';
import type { Answers, Question } from './questions.ts';
import { scheduleMissingTries } from './schedule.ts';
import type { Verdict } from './verdict.ts';

const MARKED_ROW = mutationsOfRow(invocations, 'update', [
  'invocationId',
  'closedBy',
  'blockerId',
  'blockerEndId',
]);

/** The mutations of a member that has asked for no exports. */
const FINALIZED_ROW = mutationsToFinalize({ bigqueryExports: [] });

interface ClosedSet {
  /** It is FINALIZING. */
  readonly root: FinalizationState;
  /** All invocations of the set, the root included. */
  readonly members: readonly InvocationId[];
  /** How many of the members are certain to be marked. */
  readonly marked: number;
}

/** A try that concerns a closed set. */
export interface SetTry {
  readonly waiter: FinalizationState;
  readonly answers: Answers;
}

/** Whether a try takes a transaction of its own, in which it may write as much as fits. */
export function isOfSet({ waiter: { closedBy, state }, answers: { closed } }: SetTry): boolean {
  return closedBy !== undefined || (closed !== undefined && state !== 'FINALIZED');
}

/** Runs one transaction of a try that concerns a closed set. */
export async function trySet(
  parts: FinalizerParts,
  decisions: Decisions,
  { waiter, answers }: SetTry,
): Promise<Verdict> {
  const { id, state, blocker, closedBy } = waiter;
  if (state === 'FINALIZED') return await settle(parts, decisions, waiter);
  if (closedBy && closedBy !== id) return await tryRoot(parts, decisions, closedBy);
  if (await isUnfinalized(decisions.ledger, blocker)) return 'waiting';
  const { closed, marked = 0 } = answers;
  if (closed) return await closeSet(parts, decisions, { root: waiter, members: closed, marked });
  return { question: 'cycle' }; // The set is closed, so its root never waits again.
}

/** Takes the next step of closing a set. */
async function closeSet(
  parts: FinalizerParts,
  decisions: Decisions,
  set: ClosedSet,
): Promise<Verdict> {
  const { root, members, marked } = set;
  const { tx } = decisions;
  if (root.closedBy === undefined) {
    const states = await readIfFew(parts, tx, members);
    if (states === undefined) return await begin(decisions, set);
    decisions.finalize(states.filter(({ state }) => state === 'FINALIZING'));
    return 'finalized';
  }
  if (marked < members.length) return await mark(parts, tx, set);
  await decideClosed(tx, root.id, parts.clock.now());
  await enqueueExports(parts, tx, [root]);
  const { onChange } = parts;
  if (onChange) tx.afterCommit(() => onChange([root.id]));
  return nextStep({});
}

/** Returns `undefined` if the members take more than one transaction. */
async function readIfFew(
  parts: FinalizerParts,
  tx: Transaction,
  members: readonly InvocationId[],
): Promise<readonly FinalizationState[] | undefined> {
  if (members.length > batchRows(parts, FINALIZED_ROW)) return undefined;
  const states = await readFinalizationStates(tx, members);
  return firstOf(parts, states).length === states.length ? states : undefined;
}

/** Returns as many members as one transaction may finalize, at least one. */
function firstOf(
  parts: FinalizerParts,
  members: readonly FinalizationState[],
): readonly FinalizationState[] {
  let mutations = 0;
  const end = members.findIndex((member) => {
    mutations += mutationsToFinalize(member);
    return mutations > maxMutations(parts);
  });
  return end < 0 ? members : members.slice(0, Math.max(1, end));
}

async function begin({ tx, ledger }: Decisions, { root, members }: ClosedSet): Promise<Verdict> {
  const holder = await readTurn(tx);
  if (holder && (await isUnfinalized(ledger, holder))) return 'postponed';
  await takeTurn(tx, root.id);
  await markClosed(tx, [root.id], root.id);
  return nextStep({ closed: members, marked: 0 });
}

async function mark(
  parts: FinalizerParts,
  tx: Transaction,
  { root, members, marked }: ClosedSet,
): Promise<Verdict> {
  const end = marked + batchRows(parts, MARKED_ROW);
  const states = await readFinalizationStates(tx, members.slice(marked, end));
  const unmarked = states.filter(
    ({ state, closedBy }) => state === 'FINALIZING' && closedBy !== root.id,
  );
  await markClosed(
    tx,
    unmarked.map(({ id }) => id),
    root.id,
  );
  return nextStep({ closed: members, marked: Math.min(end, members.length) });
}

/** Settles a FINALIZED invocation that bears a mark; a root takes the next step of its set. */
async function settle(
  parts: FinalizerParts,
  decisions: Decisions,
  marked: FinalizationState,
): Promise<Verdict> {
  const finalizeTime = marked.finalizeTime ?? parts.clock.now();
  if (marked.closedBy === marked.id) {
    return await settleSet(parts, decisions, { ...marked, finalizeTime });
  }
  decisions.finalize([marked], finalizeTime);
  // The root settles the other members and itself.
  await tryRoot(parts, decisions, marked.closedBy ?? marked.id);
  return 'finalized';
}

async function settleSet(
  parts: FinalizerParts,
  decisions: Decisions,
  { id: root, finalizeTime }: { readonly id: InvocationId; readonly finalizeTime: EpochMs },
): Promise<Verdict> {
  const { tx } = decisions;
  const marked = await readMarked(tx, root, batchRows(parts, FINALIZED_ROW) + 1);
  const members = marked.filter((id) => id !== root);
  if (members.length > 0) {
    decisions.finalize(firstOf(parts, await readFinalizationStates(tx, members)), finalizeTime);
    return nextStep({});
  }
  await unmarkRoot(tx, root);
  decisions.wakeWaitersOf(root);
  return 'finalized';
}

/**
 * Has the root of a set tried. The root does all that concerns a marked member, and has a task for
 * it unless that task was lost.
 */
async function tryRoot(
  parts: FinalizerParts,
  { tx }: Decisions,
  root: InvocationId,
): Promise<'waiting'> {
  await scheduleMissingTries(parts, tx, [{ id: root, taskId: `close/${toRowId(root)}` }]);
  return 'waiting';
}

function nextStep(answers: Answers): Question {
  return { question: 'next-step', answers };
}

function batchRows(parts: FinalizerParts, mutationsOfOne: number): number {
  return Math.max(1, Math.floor(maxMutations(parts) / mutationsOfOne));
}

function maxMutations({ bounds = DEFAULT_BOUNDS }: FinalizerParts): number {
  return bounds.mutations;
}
