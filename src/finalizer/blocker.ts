/** Finds an invocation to wait for, and follows the chain of blockers from there. */

import type { Database } from '@postlude/queue/storage';
import type { FinalizationState } from '../invocations/finalization-state.ts';
import type { InvocationId } from '../invocations/id.ts';
import type { InclusionsAfter } from '../invocations/inclusions.ts';
import { Ledger } from './group/ledger.ts';
import type { Answers, Question } from './questions.ts';

/**
 * The first page is small: most invocations include few others, and of those that include many, one
 * of the first is usually not FINALIZED.
 */
const FIRST_PAGE_ROWS = 4;
const PAGE_GROWTH = 4;

/** Returns false if the invocation does not exist. */
export async function isUnfinalized(
  ledger: Ledger,
  id: InvocationId | undefined,
): Promise<boolean> {
  return (await readUnfinalized(ledger, id)) !== undefined;
}

/** Returns `undefined` if the invocation is FINALIZED or does not exist. */
export async function readUnfinalized(
  ledger: Ledger,
  id: InvocationId | undefined,
): Promise<FinalizationState | undefined> {
  const found = id && (await ledger.state(id));
  return found && found.state !== 'FINALIZED' ? found : undefined;
}

interface InclusionSearch extends Pick<Answers, 'next'> {
  readonly maxInclusions: number;
}

export interface Inclusion {
  readonly found: FinalizationState;
  /** Whether it is known to be the last of all. */
  readonly isLast: boolean;
}

/** Returns the first direct inclusion that is not FINALIZED; `undefined` if all are FINALIZED. */
export async function nextUnfinalized(
  ledger: Ledger,
  waiter: FinalizationState,
  { next, maxInclusions }: InclusionSearch,
): Promise<Inclusion | Question | undefined> {
  if (waiter.hasNoneLeft || (next && next.id === undefined)) return undefined;
  const candidate = await readUnfinalized(ledger, next?.id);
  if (candidate) return { found: candidate, isLast: false };
  const inclusions = { of: waiter.id, after: next?.id ?? waiter.finalizedUpTo };
  return await firstUnfinalized(ledger, inclusions, maxInclusions);
}

async function firstUnfinalized(
  ledger: Ledger,
  { of, after: start }: InclusionsAfter,
  maxInclusions: number,
): Promise<Inclusion | Question | undefined> {
  let after = start;
  let pageRows = FIRST_PAGE_ROWS;
  for (let looked = 0; looked < maxInclusions; ) {
    const limit = Math.min(pageRows, maxInclusions - looked);
    const page = await ledger.includedPage(of, { after, limit });
    await ledger.load(page);
    const last = page.at(-1);
    const id = page.find((each) => isOpen(ledger.known(each)));
    const found = ledger.known(id);
    if (found) return { found, isLast: page.length < limit && id === last };
    if (page.length < limit) return undefined;
    after = last;
    looked += limit;
    pageRows *= PAGE_GROWTH;
  }
  return { question: 'inclusion', after };
}

/** Whether it exists and is not FINALIZED. */
export function isOpen(state: FinalizationState | undefined): boolean {
  return state !== undefined && state.state !== 'FINALIZED';
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
  ledger: Ledger,
  start: FinalizationState,
  { chain, ...limits }: Pick<Answers, 'chain'> & ChainLimits,
): Promise<InvocationId | Question> {
  const passed = chain?.from === start.id ? chain.at : undefined;
  const from = (await readUnfinalized(ledger, passed)) ?? start;
  const { at, isEnd } = await follow(ledger, from, limits);
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
      const ledger = new Ledger(reader);
      const found = await ledger.state(from);
      return found && (await follow(ledger, found, limits));
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
  ledger: Ledger,
  start: FinalizationState,
  { waiter, maxHops }: ChainLimits,
): Promise<Reached> {
  let at = start;
  for (let hop = 0; hop < maxHops; hop++) {
    const next = at.id === waiter ? undefined : await nextInChain(ledger, at);
    if (!next) return { at: at.id, isEnd: true };
    at = next;
  }
  return { at: at.id, isEnd: false };
}

/** Returns the known end of the chain if that still holds, which skips all in between. */
export async function nextInChain(
  ledger: Ledger,
  at: FinalizationState,
): Promise<FinalizationState | undefined> {
  for (const id of new Set([at.blockerEnd, at.blocker])) {
    const found = await readUnfinalized(ledger, id);
    if (found) return found;
  }
  return undefined;
}
