/**
 * The transaction of OpenInvocation. The request has been checked and authorized. What happens depends
 * on the newest attempt and the caller:
 *
 *     no attempt exists                → the first attempt is created
 *     it is expected and has not begun → the caller begins it
 *     the caller is another recorder   → the next attempt is created: see invocations/attempts.ts
 *     the caller does not record       → the caller joins the attempt and adds what it lacks
 */
import { CodedError } from '@postlude/queue/foundations';
import { startFinalization } from '../../finalizer/schedule.ts';
import { nextAttemptId, readAttempts } from '../../invocations/attempts.ts';
import type { InvocationId } from '../../invocations/id.ts';
import {
  includeAttempts,
  includersPage,
  readIncluded,
  removeInclusions,
} from '../../invocations/inclusions.ts';
import type { Invocation, NewInvocation } from '../../invocations/invocation.ts';
import {
  insertInvocations,
  readInvocation,
  readInvocations,
  requireActive,
  updateInvocation,
} from '../../invocations/invocations.ts';
import { joinAttempt } from './join-attempt.ts';
import {
  applyExpectations,
  checkSameOwner,
  exportsBeside,
  includeWanted,
  type Opening,
  type OpeningTransaction,
  tagsOf,
} from './opening.ts';

export interface Opened {
  readonly id: InvocationId;
  readonly attempt: number;
  readonly superseded: readonly InvocationId[];
  readonly existed: boolean;
}

/** The number of including invocations that are looked at; few runs include the same shard. */
const MAX_INCLUDERS = 200;

export async function openAttempt(change: OpeningTransaction): Promise<Opened> {
  const { opening, tx } = change;
  const { created, recorder } = opening;
  await applyExpectations(tx, opening);
  const first = await readInvocation(tx, created.id);
  if (first === undefined) return await createAttempt(change, { id: created.id });
  checkSameRealm(first, created);
  const attempts = await readAttempts(tx, first);
  const newest = attempts.at(-1) ?? first;
  if (newest.isExpected && newest.state === 'ACTIVE') {
    return await beginExpected(change, newest);
  }
  if (recorder === undefined) {
    const way = await joinAttempt(change, newest);
    if (way === 'joined') return existing(newest);
  } else {
    // This also holds if a later attempt exists: a repeated request must not supersede it.
    const own = attempts.find((each) => each.recorder === recorder);
    if (own) return existing(own);
  }
  return await createNextAttempt(change, attempts);
}

function existing({ attempt, id }: Invocation): Opened {
  return { id, attempt, superseded: [], existed: true };
}

function checkSameRealm(there: Invocation, { realm }: NewInvocation): void {
  if (there.realm === realm) return;
  throw new CodedError(
    'already-exists',
    `invocations/${there.id} exists in realm ${there.realm}, not in ${realm}`,
  );
}

interface Place {
  readonly id: InvocationId;
  /** The lowest free number; 1 by default. */
  readonly attempt?: number;
  /** Earlier attempts whose results count. */
  readonly earlier?: readonly InvocationId[];
}

async function createAttempt(
  { opening, parts, tx }: OpeningTransaction,
  { id, attempt = 1, earlier = [] }: Place,
): Promise<Opened> {
  const { created, finalizes } = opening;
  const number = Math.max(attempt, opening.attempt);
  const tags = tagsOf(opening);
  await insertInvocations(tx, [{ ...created, ...recordingOf(opening), id, tags, attempt: number }]);
  const included = [...earlier, ...(await includeWanted(tx, opening, id))];
  await includeAttempts(
    tx,
    earlier.map((other) => ({ including: id, included: other })),
  );
  if (finalizes) await startFinalization(parts.finalizer, tx, { id, included });
  return { id, attempt: number, superseded: [], existed: false };
}

/** Returns the fields that describe the recorder. */
function recordingOf({ created, lostAfterMs, recorder }: Opening) {
  const now = created.createTime;
  return {
    recorder,
    lostAfterMs,
    heartbeatTime: recorder === undefined ? undefined : now,
    endsAt: lostAfterMs === undefined ? undefined : now + lostAfterMs,
  };
}

/** The row stays, and so do the inclusions of it; its content is now that of the new recorder. */
async function beginExpected(
  { opening, parts, tx }: OpeningTransaction,
  { attempt, id }: Invocation,
): Promise<Opened> {
  await requireActive(tx, id);
  const { createTime, createdBy, deadline, bigqueryExports } = opening.created;
  await updateInvocation(tx, id, {
    createTime,
    createdBy,
    deadline,
    isExpected: false,
    tags: tagsOf(opening),
    bigqueryExports: bigqueryExports ?? [],
    ...recordingOf(opening),
  });
  const included = await includeWanted(tx, opening, id);
  if (opening.finalizes) await startFinalization(parts.finalizer, tx, { id, included });
  tx.afterCommit(() => parts.onChange?.([id]));
  return { id, attempt, superseded: [], existed: false };
}

async function createNextAttempt(
  change: OpeningTransaction,
  attempts: readonly Invocation[],
): Promise<Opened> {
  const { opening, tx } = change;
  const [first, newest] = [attempts[0], attempts.at(-1)];
  if (!first || !newest) throw new Error('there is no attempt to follow');
  const attempt = Math.max(newest.attempt + 1, opening.attempt);
  const id = nextAttemptId(first.id, attempt);
  const records = opening.recorder !== undefined;
  const isOpen = newest.state === 'ACTIVE';
  if (isOpen) checkSameOwner(newest, opening);
  if (isOpen && opening.isLate) throw stillRecordedError(newest);
  const earlier = records ? attempts.filter(isComplete).map((each) => each.id) : [];
  const opened = await createAttempt(change, { id, attempt, earlier });
  await updateInvocation(tx, first.id, { lastAttempt: attempt });
  if (records) await includeInOpenRuns(change, attempts, id);
  if (isOpen) await supersede(change, newest, opened);
  return { ...opened, superseded: isOpen ? [newest.id] : [] };
}

function stillRecordedError({ id }: Invocation): CodedError {
  return new CodedError(
    'failed-precondition',
    `another process records invocations/${id} now: try again once that is complete`,
  );
}

/** Whether the owner finalized it, so that its results are complete. */
function isComplete({ endedBy, state }: Invocation): boolean {
  return state !== 'ACTIVE' && endedBy === undefined;
}

/** An export that both attempts ask for moves to the next one; otherwise its rows would count twice. */
async function supersede(
  { opening, parts, tx }: OpeningTransaction,
  { bigqueryExports, id }: Invocation,
  { attempt, id: next }: Opened,
): Promise<void> {
  const rest = exportsBeside(bigqueryExports, opening.created.bigqueryExports ?? []);
  await updateInvocation(tx, id, { bigqueryExports: rest });
  const included = [...(await readIncluded(tx, id)), next];
  await includeAttempts(tx, [{ including: id, included: next, supersedes: true }]);
  const end = { cause: 'SUPERSEDED', reason: `attempt ${attempt} began` } as const;
  await startFinalization(parts.finalizer, tx, { id, included, end });
}

/**
 * Includes the new attempt in each ACTIVE invocation of the same owner that includes an earlier attempt.
 * There it replaces an earlier attempt that is incomplete.
 */
async function includeInOpenRuns(
  { opening, tx }: OpeningTransaction,
  attempts: readonly Invocation[],
  next: InvocationId,
): Promise<void> {
  const { createdBy: owner } = opening.created;
  const own = new Set(attempts.map(({ id }) => id));
  for (const attempt of attempts) {
    const includers = await includersPage(tx, attempt.id, { limit: MAX_INCLUDERS });
    const runs = await readInvocations(
      tx,
      includers.filter((id) => !own.has(id)),
    );
    for (const { createdBy, id, state } of runs.values()) {
      if (state !== 'ACTIVE' || createdBy !== owner) continue;
      await requireActive(tx, id);
      await includeAttempts(tx, [{ including: id, included: next }]);
      if (!isComplete(attempt)) await removeInclusions(tx, id, [attempt.id]);
    }
  }
}
