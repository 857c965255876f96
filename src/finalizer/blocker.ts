/** Finds what an invocation could wait for, and follows what that in turn waits for. */

import {
  type FinalizationState,
  readFinalizationState,
  readFinalizationStates,
} from '../invocations/finalization-state.ts';
import type { InvocationId } from '../invocations/id.ts';
import { includedPage } from '../invocations/inclusions.ts';
import type { Database, Reader } from '../storage/database.ts';
import type { Known, Question } from './known.ts';

/** Most include few; of those who include many, one of the first is as a rule not FINALIZED. */
const FIRST_PAGE_ROWS = 4;
const PAGE_GROWTH = 4;

/** False where there is none. */
export async function isUnfinalized(
  reader: Reader,
  id: InvocationId | undefined,
): Promise<boolean> {
  const found = id && (await readFinalizationState(reader, id));
  return found !== undefined && found.state !== 'FINALIZED';
}

/** The first direct inclusion that is not FINALIZED; `undefined` where all are. */
export async function nextUnfinalized(
  reader: Reader,
  x: FinalizationState,
  { next }: Known,
  maxInclusions: number,
): Promise<FinalizationState | Question | undefined> {
  if (x.includesNothing || (next && next.id === undefined)) return undefined;
  const candidate = next?.id && (await readFinalizationState(reader, next.id));
  if (candidate && candidate.state !== 'FINALIZED') return candidate;
  return await firstUnfinalized(reader, x.id, next?.id ?? x.finalizedUpTo, maxInclusions);
}

async function firstUnfinalized(
  reader: Reader,
  of: InvocationId,
  start: InvocationId | undefined,
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

/**
 * Where the chain of blockers from `start` ends: at an invocation that is ACTIVE or due to be
 * tried, or at `x`, which is both.
 */
export async function endOfChain(
  reader: Reader,
  start: FinalizationState,
  x: InvocationId,
  { chain, maxHops }: Pick<Known, 'chain'> & { readonly maxHops: number },
): Promise<InvocationId | Question> {
  const known =
    chain?.from === start.id ? await readFinalizationState(reader, chain.at) : undefined;
  const from = known && known.state !== 'FINALIZED' ? known : start;
  const { at, isEnd } = await follow(reader, from, x, maxHops);
  return isEnd ? at : { question: 'chain', from: start.id };
}

/**
 * The same however long it is, in snapshots of at most `maxHops` each. Where the chain changes
 * meanwhile, a part of it.
 */
export async function followChain(
  db: Pick<Database, 'read'>,
  { from: start, x, maxHops }: { from: InvocationId; x: InvocationId; maxHops: number },
): Promise<InvocationId> {
  let from = start;
  while (true) {
    const reached = await db.read(async (reader) => {
      const found = await readFinalizationState(reader, from);
      return found && (await follow(reader, found, x, maxHops));
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
  x: InvocationId,
  maxHops: number,
): Promise<Reached> {
  let at = start;
  for (let hop = 0; hop < maxHops; hop++) {
    const next = at.id === x ? undefined : await nextInChain(reader, at);
    if (!next) return { at: at.id, isEnd: true };
    at = next;
  }
  return { at: at.id, isEnd: false };
}

/** The known end of its chain where that still holds, and so skips what is between. */
export async function nextInChain(
  reader: Reader,
  at: FinalizationState,
): Promise<FinalizationState | undefined> {
  for (const id of new Set([at.blockerEnd, at.blocker])) {
    const found = id && (await readFinalizationState(reader, id));
    if (found && found.state !== 'FINALIZED') return found;
  }
  return undefined;
}
