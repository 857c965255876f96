/** Finds an invocation to wait for, and follows the chain of blockers from there. */

import type { Database, Reader } from '@postlude/queue/storage';
import {
  type FinalizationState,
  readFinalizationState,
  readFinalizationStates,
} from '../invocations/finalization-state.ts';
import type { InvocationId } from '../invocations/id.ts';
import { type InclusionsAfter, includedPage } from '../invocations/inclusions.ts';
import type { Answers, Question } from './questions.ts';

/**
 * The first page is small: most invocations include few others, and of those that include many, one
 * of the first is usually not FINALIZED.
 */
const FIRST_PAGE_ROWS = 4;
const PAGE_GROWTH = 4;

/** Returns false if the invocation does not exist. */
export async function isUnfinalized(
  reader: Reader,
  id: InvocationId | undefined,
): Promise<boolean> {
  return (await readUnfinalized(reader, id)) !== undefined;
}

/** Returns `undefined` if the invocation is FINALIZED or does not exist. */
export async function readUnfinalized(
  reader: Reader,
  id: InvocationId | undefined,
): Promise<FinalizationState | undefined> {
  const found = id && (await readFinalizationState(reader, id));
  return found && found.state !== 'FINALIZED' ? found : undefined;
}

interface InclusionSearch extends Pick<Answers, 'next'> {
  readonly maxInclusions: number;
}

/** Returns the first direct inclusion that is not FINALIZED; `undefined` if all are FINALIZED. */
export async function nextUnfinalized(
  reader: Reader,
  waiter: FinalizationState,
  { next, maxInclusions }: InclusionSearch,
): Promise<FinalizationState | Question | undefined> {
  if (waiter.includesNothing || (next && next.id === undefined)) return undefined;
  const candidate = await readUnfinalized(reader, next?.id);
  if (candidate) return candidate;
  const inclusions = { of: waiter.id, after: next?.id ?? waiter.finalizedUpTo };
  return await firstUnfinalized(reader, inclusions, maxInclusions);
}

async function firstUnfinalized(
  reader: Reader,
  { of, after: start }: InclusionsAfter,
  maxInclusions: number,
): Promise<FinalizationState | Question | undefined> {
  let after = start;
  let pageRows = FIRST_PAGE_ROWS;
  for (let looked = 0; looked < maxInclusions; ) {
    const limit = Math.min(pageRows, maxInclusions - looked);
    const page = await includedPage(reader, of, { after, limit });
    const included = await readFinalizationStates(reader, page); // in the order of the page
    const found = included.find(({ state }) => state !== 'FINALIZED');
    if (found) return found;
    if (page.length < limit) return undefined;
    after = page.at(-1);
    looked += limit;
    pageRows *= PAGE_GROWTH;
  }
  return { question: 'inclusion', after };
}

interface ChainLimits {
  /** The chain ends here at the latest. */
  readonly waiter: InvocationId;
  readonly maxHops: number;
}

/**
 * Returns the end of the chain of blockers from `start`: an invocation that is ACTIVE or due to be
 * tried, or the waiter, which is due as well.
 */
export async function endOfChain(
  reader: Reader,
  start: FinalizationState,
  { chain, ...limits }: Pick<Answers, 'chain'> & ChainLimits,
): Promise<InvocationId | Question> {
  const passed = chain?.from === start.id ? chain.at : undefined;
  const from = (await readUnfinalized(reader, passed)) ?? start;
  const { at, isEnd } = await follow(reader, from, limits);
  return isEnd ? at : { question: 'chain', from: start.id };
}

/**
 * Follows a chain of any length, in snapshots of at most `maxHops` hops each. If the chain changes
 * meanwhile, it may return an invocation before the end.
 */
export async function followChain(
  db: Pick<Database, 'read'>,
  { from: start, ...limits }: { readonly from: InvocationId } & ChainLimits,
): Promise<InvocationId> {
  let from = start;
  while (true) {
    const reached = await db.read(async (reader) => {
      const found = await readFinalizationState(reader, from);
      return found && (await follow(reader, found, limits));
    });
    if (!reached) return from;
    from = reached.at;
    if (reached.isEnd) return from;
  }
}

interface Reached {
  readonly at: InvocationId;
  readonly isEnd: boolean;
}

async function follow(
  reader: Reader,
  start: FinalizationState,
  { waiter, maxHops }: ChainLimits,
): Promise<Reached> {
  let at = start;
  for (let hop = 0; hop < maxHops; hop++) {
    const next = at.id === waiter ? undefined : await nextInChain(reader, at);
    if (!next) return { at: at.id, isEnd: true };
    at = next;
  }
  return { at: at.id, isEnd: false };
}

/** Returns the known end of the chain if that still holds, which skips all in between. */
export async function nextInChain(
  reader: Reader,
  at: FinalizationState,
): Promise<FinalizationState | undefined> {
  for (const id of new Set([at.blockerEnd, at.blocker])) {
    const found = await readUnfinalized(reader, id);
    if (found) return found;
  }
  return undefined;
}
