/**
 * The safety net under liveness: finds invocations that have been FINALIZING for long though they
 * wait for nothing, because a task was lost (deleted by hand, or dead after its last attempt), and
 * has them tried. One that has a task after all is tried once more, which does no harm.
 */
import type { EpochMs } from '../clock.ts';
import { toRowId } from '../invocations/id.ts';
import {
  type FinalizingItem,
  type FinalizingPosition,
  finalizingPage,
} from '../invocations/standings.ts';
import type { FinalizerParts } from './parts.ts';
import { tryTask } from './schedule.ts';

export interface RescueOptions {
  /** Since when at least they are FINALIZING: how old a task may be that is not lost. */
  readonly olderThanMs: number;
  readonly pageRows?: number;
}

/** Answers how many tasks it has enqueued. Costs a read of all that is FINALIZING for so long. */
export async function rescueStuck(
  parts: FinalizerParts,
  { olderThanMs, pageRows = 500 }: RescueOptions,
): Promise<number> {
  const startedBefore: EpochMs = parts.clock.now() - olderThanMs;
  let rescued = 0;
  let after: FinalizingPosition | undefined;
  do {
    const listing = { startedBefore, after, limit: pageRows };
    const page = await parts.db.read((reader) => finalizingPage(reader, listing));
    rescued += await enqueueTries(
      parts,
      page.filter(({ isWaiting }) => !isWaiting),
    );
    after = page.length === pageRows ? page.at(-1) : undefined;
  } while (after !== undefined);
  return rescued;
}

async function enqueueTries(
  { queue }: FinalizerParts,
  stuck: readonly FinalizingItem[],
): Promise<number> {
  if (stuck.length === 0) return 0;
  const outcomes = await queue.enqueue(stuck.map(({ id }) => tryTask(id, `rescue/${toRowId(id)}`)));
  return outcomes.filter((outcome) => outcome === 'enqueued').length;
}
