/** Answers the questions of a try, in snapshots, without locks. */

import { findUnfinalized } from '../invocations/finalization-state.ts';
import type { InvocationId } from '../invocations/id.ts';
import { followChain } from './blocker.ts';
import { DEFAULT_BOUNDS } from './bounds.ts';
import { walkCycle } from './cycle.ts';
import type { Known, Question } from './known.ts';
import type { FinalizerParts } from './parts.ts';

export async function lookFor(
  { db, bounds = DEFAULT_BOUNDS }: Pick<FinalizerParts, 'bounds' | 'db'>,
  id: InvocationId,
  asked: Question,
): Promise<Known> {
  const { snapshotQueries } = bounds;
  switch (asked.question) {
    case 'inclusion': {
      const behind = { of: id, after: asked.after };
      return { next: { id: await db.read((reader) => findUnfinalized(reader, behind)) } };
    }
    case 'chain': {
      const { from } = asked;
      const at = await followChain(db, { from, x: id, maxHops: snapshotQueries });
      return { chain: { from, at } };
    }
    case 'cycle':
      return await walkCycle(db, id, snapshotQueries);
    case 'next-step':
      return asked.known;
  }
}
