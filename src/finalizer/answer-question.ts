/** Answers the questions of a try from snapshots, without locks. */
import { findUnfinalized } from '../invocations/finalization-state.ts';
import type { InvocationId } from '../invocations/id.ts';
import { followChain } from './blocker.ts';
import { DEFAULT_BOUNDS } from './bounds.ts';
import { walkCycle } from './cycle.ts';
import type { FinalizerParts } from './parts.ts';
import type { Answers, Question } from './questions.ts';

export async function answerQuestion(
  { db, bounds = DEFAULT_BOUNDS }: Pick<FinalizerParts, 'bounds' | 'db'>,
  waiter: InvocationId,
  asked: Question,
): Promise<Answers> {
  const { snapshotQueries } = bounds;
  switch (asked.question) {
    case 'inclusion': {
      const inclusions = { of: waiter, after: asked.after };
      return { next: { id: await db.read((reader) => findUnfinalized(reader, inclusions)) } };
    }
    case 'chain': {
      const { from } = asked;
      const at = await followChain(db, { from, waiter, maxHops: snapshotQueries });
      return { chain: { from, at } };
    }
    case 'cycle':
      return await walkCycle(db, waiter, snapshotQueries);
    case 'alone':
      return {};
    case 'next-step':
      return asked.answers;
  }
}
