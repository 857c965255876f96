/**
 * The safety net for liveness: finds invocations that have been FINALIZING for a long time although
 * they wait for nothing, because a task was lost (deleted by hand, or dead after its last attempt),
 * and has them tried. An invocation that still has a task is tried once more, which does no harm.
 *
 * It goes through all invocations by key, some at a time, without end: call it now and then with
 * the position at which it stopped. At 20,000 a minute, it looks at a million within the hour.
 */

import { stuckPage } from '../invocations/finalization-state.ts';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import type { FinalizerParts } from './parts.ts';
import { scheduleMissingTries } from './schedule.ts';

export interface RescueOptions {
  /** How long ago a finalization must have begun for its task to count as lost. */
  readonly olderThanMs: number;
  /** Where the previous call stopped; the beginning unless given. */
  readonly after?: InvocationId | undefined;
  /** How many invocations to look at: 20,000 unless given. */
  readonly rows?: number;
  /** How many invocations one read looks at: 1,000 unless given. */
  readonly pageRows?: number;
}

export interface Rescue {
  /** How many tries were enqueued. */
  readonly rescued: number;
  /** `after` for the next call; `undefined` if all have been looked at. */
  readonly next: InvocationId | undefined;
}

export async function rescueStuck(
  parts: FinalizerParts,
  { olderThanMs, after, rows = 20_000, pageRows = 1_000 }: RescueOptions,
): Promise<Rescue> {
  const startedBefore = parts.clock.now() - olderThanMs;
  let rescued = 0;
  let next = after;
  for (let looked = 0; looked < rows; looked += pageRows) {
    const listing = { startedBefore, after: next, rows: pageRows };
    const page = await parts.db.read((reader) => stuckPage(reader, listing));
    rescued += await tryAll(parts, page.stuck);
    next = page.next;
    if (next === undefined) break;
  }
  return { rescued, next };
}

async function tryAll(parts: FinalizerParts, stuck: readonly InvocationId[]): Promise<number> {
  if (stuck.length === 0) return 0;
  const tries = stuck.map((id) => ({ id, taskId: `rescue/${toRowId(id)}` }));
  return await parts.db.write((tx) => scheduleMissingTries(parts, tx, tries));
}
