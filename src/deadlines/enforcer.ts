/**
 * Ends invocations that their owners have not finalized: at their deadline, when their recorder has
 * been silent for too long, or when they were expected and never appeared.
 *
 * Any number of processes may enforce deadlines at once. Each ends a batch in one transaction that
 * reads the states again, so an invocation is ended once, and not at all if its owner was quicker.
 * The next pass finds the invocations that a batch could not end. Each process takes the batches of
 * a page in a random order, so that two seldom meet. If very many invocations are overdue at once,
 * it rests after each batch: most of the database is then free for others, and the finalizations
 * that follow keep up.
 */
import type { EpochMs } from '@postlude/queue/foundations';
import { chunk, type Random, shuffled, systemRandom } from '@postlude/queue/foundations';
import type { Sql } from '@postlude/queue/storage';
import { LOOK, shardsOf, type Transaction } from '@postlude/queue/storage';
import { type Ending, endInvocations } from '../finalizer/end.ts';
import type { FinalizerParts } from '../finalizer/parts.ts';
import type { EndCause } from '../invocations/ending.ts';
import type { InvocationId } from '../invocations/id.ts';
import { activeUntil, type Invocation } from '../invocations/invocation.ts';
import { readInvocations } from '../invocations/invocations.ts';
import { causeOf, findOverdue } from '../invocations/overdue.ts';

export interface EnforceOptions {
  /** How many invocations one read finds: 200 unless given. */
  readonly pageRows?: number;
  /** How many invocations one transaction ends: 50 unless given. */
  readonly batchRows?: number;
  /** Aborting ends the pass after the batch that is under way; a read then throws the signal's reason. */
  readonly signal?: AbortSignal;
  readonly random?: Random;
  /** Is called for each invocation after its end has been committed. */
  readonly onEnded?: (ended: Ended) => void;
}

/** An invocation that was ended, and how long after its time. */
export interface Ended {
  readonly invocation: Invocation;
  readonly cause: EndCause;
  readonly delayMs: number;
}

/** If a page is full, the rest after a batch is this many times as long as the batch took. */
const REST = 5;

/** Ends all invocations that are overdue now, and returns how many these were. */
export async function endOverdue(
  parts: FinalizerParts,
  options: EnforceOptions = {},
): Promise<number> {
  let count = 0;
  for (const shard of shardsOf(parts.db.dialect)) {
    count += await endShard(parts, shard, options);
  }
  return count;
}

/** Works page by page, until a page is not full or none of its invocations could be ended. */
async function endShard(
  parts: FinalizerParts,
  shard: Sql | undefined,
  { batchRows = 50, onEnded, pageRows = 200, random = systemRandom, signal }: EnforceOptions,
): Promise<number> {
  const { clock } = parts;
  let count = 0;
  while (!signal?.aborted) {
    const listing = { now: clock.now(), limit: pageRows, shard };
    const ids = await parts.db.read((reader) => findOverdue(reader, listing), { ...LOOK, signal });
    const isFull = ids.length >= pageRows;
    let countOfPage = 0;
    for (const batch of shuffled([...chunk(ids, batchRows)], random)) {
      if (signal?.aborted) return count + countOfPage;
      const startedAt = clock.monotonicMs();
      const ended = await endBatch(parts, batch);
      for (const each of ended) onEnded?.(each);
      countOfPage += ended.length;
      if (isFull) await clock.sleep(REST * (clock.monotonicMs() - startedAt), signal);
    }
    count += countOfPage;
    if (!isFull || countOfPage === 0) break;
  }
  return count;
}

async function endBatch(
  parts: FinalizerParts,
  ids: readonly InvocationId[],
): Promise<readonly Ended[]> {
  return await parts.db.write(async (tx) => {
    const now = parts.clock.now();
    const ended = await stillOverdue(tx, ids, now);
    await endInvocations(parts, tx, ended.map(toEnding));
    return ended;
  });
}

async function stillOverdue(
  tx: Transaction,
  ids: readonly InvocationId[],
  now: EpochMs,
): Promise<Ended[]> {
  const found = [...(await readInvocations(tx, ids)).values()];
  return found
    .filter((invocation) => invocation.state === 'ACTIVE' && activeUntil(invocation) <= now)
    .map((invocation) => ({
      invocation,
      cause: causeOf(invocation, now),
      delayMs: now - activeUntil(invocation),
    }));
}

function toEnding({ cause, invocation }: Ended): Ending {
  return { id: invocation.id, cause };
}
