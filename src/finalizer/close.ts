/**
 * Has a closed set become FINALIZED: in one transaction where that can write all of it. A larger set
 * takes steps, each a transaction of bounded size:
 *
 * 1. The root takes the turn, so that no other set is marked meanwhile, and marks itself.
 * 2. It marks all members. Nobody acts on that: what a member's own tries do is left to the root.
 * 3. The root becomes FINALIZED. With that, at one moment, all that it marked counts as FINALIZED.
 * 4. Members are settled: what their rows say, their exports, and the waking of their waiters.
 *
 * The root's task stays until the last step. Whoever repeats it, after a crash or beside another
 * worker, goes on: before 3 by walking the set again, which is the same or has fewer members by
 * now; after it by the index of marks. See ../invocations/closed-sets.ts for what readers do.
 */
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
  readFinalizationState,
  readFinalizationStates,
} from '../invocations/finalization-state.ts';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import { invocations } from '../invocations/table.ts';
import type { Transaction } from '../storage/database.ts';
import { mutationsOfRow } from '../storage/mutation-count.ts';
import { DEFAULT_BOUNDS } from './bounds.ts';
import {
  enqueueExports,
  finalize,
  mutationsToFinalize,
  wakeWaiters,
  writeFinalized,
} from './finalize.ts';
import type { Known, Question } from './known.ts';
import type { FinalizerParts } from './parts.ts';
import { scheduleMissingTries } from './schedule.ts';
import type { Verdict } from './verdict.ts';

const MARKED_ROW = mutationsOfRow(invocations, 'update', [
  ...['invocationId', 'closedBy', 'blockerId', 'blockerEndId'],
]);

/** Of one without exports. */
const FINALIZED_ROW = mutationsToFinalize({ bigqueryExports: [] });

type Closed = Known & { readonly closed: readonly InvocationId[] };

/** The next step of closing what `x` reaches, where `x` is FINALIZING. */
export async function close(
  parts: FinalizerParts,
  tx: Transaction,
  x: FinalizationState,
  known: Closed,
): Promise<Verdict> {
  const { closed, marked = 0 } = known;
  if (x.closedBy === undefined) {
    const members = await readIfFew(parts, tx, closed);
    return members ? await finalize(parts, tx, members) : await begin(tx, x, known);
  }
  if (marked < closed.length) return await mark(parts, tx, x, known);
  await decideClosed(tx, x.id, parts.clock.now());
  await enqueueExports(parts, tx, [x]);
  const { onChange } = parts;
  if (onChange) tx.afterCommit(() => onChange([x.id]));
  return nextStep({});
}

/** `undefined` where they take more than one transaction. */
async function readIfFew(
  parts: FinalizerParts,
  tx: Transaction,
  closed: readonly InvocationId[],
): Promise<readonly FinalizationState[] | undefined> {
  if (closed.length > batchRows(parts, FINALIZED_ROW)) return undefined;
  const members = await readFinalizationStates(tx, closed);
  return firstOf(parts, members).length === members.length ? members : undefined;
}

/** As many of them as one transaction may finalize, at least one. */
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

async function begin(tx: Transaction, x: FinalizationState, known: Closed): Promise<Verdict> {
  const holder = await readTurn(tx);
  const root = holder && (await readFinalizationState(tx, holder));
  if (root && root.state !== 'FINALIZED') return 'postponed';
  await takeTurn(tx, x.id);
  await markClosed(tx, [x.id], x.id);
  return nextStep({ closed: known.closed, marked: 0 });
}

async function mark(
  parts: FinalizerParts,
  tx: Transaction,
  x: FinalizationState,
  { closed, marked = 0 }: Closed,
): Promise<Verdict> {
  const end = marked + batchRows(parts, MARKED_ROW);
  const members = await readFinalizationStates(tx, closed.slice(marked, end));
  const unmarked = members.filter(
    ({ state, closedBy }) => state === 'FINALIZING' && closedBy !== x.id,
  );
  await markClosed(
    tx,
    unmarked.map(({ id }) => id),
    x.id,
  );
  return nextStep({ closed, marked: Math.min(end, closed.length) });
}

/** A FINALIZED `x` that bears a mark: the next step of its set, where it is the root. */
export async function settle(
  parts: FinalizerParts,
  tx: Transaction,
  x: FinalizationState,
): Promise<Verdict> {
  const finalizeTime = x.finalizeTime ?? parts.clock.now();
  if (x.closedBy !== x.id) {
    await writeFinalized(parts, tx, [x], finalizeTime);
    await tryRoot(parts, tx, x.closedBy ?? x.id); // for the others, and for the root itself
    return 'finalized';
  }
  const marked = await readMarked(tx, x.id, batchRows(parts, FINALIZED_ROW) + 1);
  const memberIds = marked.filter((id) => id !== x.id);
  if (memberIds.length > 0) {
    const members = firstOf(parts, await readFinalizationStates(tx, memberIds));
    await writeFinalized(parts, tx, members, finalizeTime);
    return nextStep({});
  }
  await unmarkRoot(tx, x.id);
  await wakeWaiters(parts, tx, [x.id]);
  return 'finalized';
}

/** What concerns a marked member is done by its root, which has a task: unless that was lost. */
export async function tryRoot(
  parts: FinalizerParts,
  tx: Transaction,
  root: InvocationId,
): Promise<'waiting'> {
  await scheduleMissingTries(parts, tx, [{ id: root, taskId: `close/${toRowId(root)}` }]);
  return 'waiting';
}

function nextStep(known: Known): Question {
  return { question: 'next-step', known };
}

function batchRows(parts: FinalizerParts, mutationsOfOne: number): number {
  return Math.max(1, Math.floor(maxMutations(parts) / mutationsOfOne));
}

function maxMutations({ bounds = DEFAULT_BOUNDS }: FinalizerParts): number {
  return bounds.mutations;
}
