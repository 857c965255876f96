/** Checks the promises of finalizer.ts in a snapshot of a world. */
import type { InvocationId } from '../../../src/invocations/id.ts';
import type { Snapshot } from './finalization-world.ts';

/**
 * Returns the broken promises of a snapshot; none if all of them hold. `running` are invocations
 * whose tries have begun, and whose tasks may be gone.
 */
export function violationsOf(snapshot: Snapshot, running: readonly InvocationId[] = []): string[] {
  const { nodes, exports, rowRequests, rows, tries } = snapshot;
  const due = new Set([...tries.map(({ id }) => id), ...running]);
  const problems: string[] = [];
  for (const [id, { state, blocker, closedBy, isSettled }] of nodes) {
    const isFinal = state === 'FINALIZED';
    const unfinal = isFinal
      ? reachableOf(snapshot, id).filter((x) => !isFinalized(snapshot, x))
      : [];
    if (unfinal.length > 0) problems.push(`unsafe: ${id} is FINALIZED, ${unfinal.join()} not`);
    const waits = blocker !== undefined && !isFinalized(snapshot, blocker);
    const settledBy = blocker && nodes.get(blocker)?.closedBy;
    const isDue = [id, blocker, closedBy, settledBy].some((each) => each && due.has(each));
    if (state === 'FINALIZING' && !waits && !isDue) problems.push(`stuck: ${id}`);
    if (isFinal && closedBy !== undefined && !isDue) problems.push(`never settled: ${id}`);
    if (state !== 'FINALIZING' && blocker !== undefined) problems.push(`blocker of ${state} ${id}`);
    for (const [what, enqueued] of Object.entries({ exports, rows, rowRequests })) {
      const count = enqueued.filter((each) => each === id).length;
      if (count !== (isFinal && isSettled ? 1 : 0))
        problems.push(`${count} ${what} of ${state} ${id}`);
    }
    if (isInCycle(snapshot, id)) problems.push(`cycle of blockers: ${id}`);
  }
  if (due.size === 0) problems.push(...differencesFromReference(snapshot));
  return problems;
}

/**
 * The literal rule of the reference: an invocation is over if it and all it reaches are not ACTIVE.
 */
export function isOverByReference(snapshot: Snapshot, id: InvocationId): boolean {
  return [id, ...reachableOf(snapshot, id)].every(
    (each) => snapshot.nodes.get(each)?.state !== 'ACTIVE',
  );
}

/**
 * Once nothing is left to do, exactly the invocations that the reference calls over are FINALIZED.
 */
function differencesFromReference(snapshot: Snapshot): string[] {
  return [...snapshot.nodes.keys()]
    .filter((id) => isFinalized(snapshot, id) !== isOverByReference(snapshot, id))
    .map((id) => `nothing left to do, and ${id} is ${snapshot.nodes.get(id)?.state}`);
}

function isFinalized({ nodes }: Snapshot, id: InvocationId): boolean {
  return nodes.get(id)?.state === 'FINALIZED';
}

function reachableOf({ inclusions }: Snapshot, id: InvocationId): InvocationId[] {
  const seen = new Set<InvocationId>();
  const todo = [id];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    for (const included of inclusions.get(next) ?? []) {
      if (seen.has(included)) continue;
      seen.add(included);
      todo.push(included);
    }
  }
  return [...seen];
}

function isInCycle({ nodes }: Snapshot, id: InvocationId): boolean {
  const seen = new Set<InvocationId>();
  for (let at = nodes.get(id)?.blocker; at !== undefined; at = nodes.get(at)?.blocker) {
    if (at === id) return true;
    if (seen.has(at)) return false;
    seen.add(at);
  }
  return false;
}
