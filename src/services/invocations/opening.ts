/** The request to open an invocation, and the invocations that it includes. */
import { CodedError } from '@postlude/queue/foundations';
import type { Transaction } from '@postlude/queue/storage';
import { newestAttempts } from '../../invocations/attempts.ts';
import type { InvocationId } from '../../invocations/id.ts';
import { includeAttempts } from '../../invocations/inclusions.ts';
import type { Invocation, NewInvocation } from '../../invocations/invocation.ts';
import {
  insertInvocations,
  readInvocations,
  updateInvocation,
} from '../../invocations/invocations.ts';
import { type StringPair, sortPairs } from '../../invocations/string-pair.ts';
import type { RecorderParts } from '../recorder/parts.ts';

/** An announced invocation, and the time by which it has to begin. */
export interface Expected {
  readonly id: InvocationId;
  readonly endsAt: number;
  /** Whether the request states the time, so that it is not the default. */
  readonly endIsGiven: boolean;
}

export interface Opening {
  /** The record that a new attempt is created with. */
  readonly created: NewInvocation;
  /** Tags for whatever this request begins. An existing invocation does not need to have them. */
  readonly contextTags: readonly StringPair[];
  readonly included: readonly InvocationId[];
  readonly expected: readonly Expected[];
  /** The process that records; `undefined` for a caller that only bundles invocations. */
  readonly recorder: string | undefined;
  /** The lowest number that a new attempt may get. */
  readonly attempt: number;
  readonly lostAfterMs: number | undefined;
  readonly deadlineIsGiven: boolean;
  readonly finalizes: boolean;
  readonly allowNextAttempt: boolean;
  /** The recording was made earlier, so it supersedes no attempt. */
  readonly isLate: boolean;
}

/** The transaction of a request to open an invocation. */
export interface OpeningTransaction {
  readonly parts: RecorderParts;
  readonly tx: Transaction;
  readonly opening: Opening;
}

/** Marks, in place of a request id, an invocation that OpenInvocation created. */
export const OPENED = 'opened';

/** Returns all tags of an attempt that the request begins, without duplicates. */
export function tagsOf({ contextTags, created }: Opening): StringPair[] {
  const own = created.tags ?? [];
  const isOwn = (pair: StringPair) =>
    own.some(({ key, value }) => key === pair.key && value === pair.value);
  return sortPairs([...own, ...contextTags.filter((pair) => !isOwn(pair))]);
}

/** Throws `permission-denied` if the invocation belongs to another identity. */
export function checkSameOwner(
  { createdBy, id }: Pick<Invocation, 'createdBy' | 'id'>,
  { created }: Opening,
): void {
  if (createdBy === created.createdBy) return;
  throw new CodedError(
    'permission-denied',
    `invocations/${id} belongs to ${createdBy ?? 'nobody'}`,
  );
}

/** Returns the exports that are not among `others`, compared byte by byte. */
export function exportsBeside(
  exports: readonly Uint8Array[],
  others: readonly Uint8Array[],
): Uint8Array[] {
  const known = new Set(others.map(toText));
  return exports.filter((each) => !known.has(toText(each)));
}

function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** Includes what the request names, announces what does not exist yet, and returns all of it. */
export async function includeWanted(
  tx: Transaction,
  { created, expected, included }: Opening,
  id: InvocationId,
): Promise<InvocationId[]> {
  const expectedIds = expected.map((each) => each.id);
  const there = await readInvocations(tx, expectedIds);
  await insertInvocations(
    tx,
    expected.filter((each) => !there.has(each.id)).map((each) => announced(created, each)),
  );
  const wanted = [...new Set(await newestAttempts(tx, [...included, ...expectedIds]))];
  await includeAttempts(
    tx,
    wanted.map((other) => ({ including: id, included: other })),
  );
  return wanted;
}

/** Gives announced invocations that have not begun the end that the request states. */
export async function applyExpectations(
  tx: Transaction,
  { created, expected }: Opening,
): Promise<void> {
  const given = expected.filter(({ endIsGiven }) => endIsGiven);
  const there = await readInvocations(
    tx,
    given.map(({ id }) => id),
  );
  for (const { endsAt, id } of given) {
    const { createdBy, deadline = 0, endsAt: before, isExpected, state } = there.get(id) ?? {};
    const isOurs = isExpected && state === 'ACTIVE' && createdBy === created.createdBy;
    if (!isOurs || before === endsAt) continue;
    await updateInvocation(tx, id, { endsAt, deadline: Math.max(deadline, endsAt) });
  }
}

/** An announced invocation belongs to the run that expects it until a recorder begins it. */
function announced(run: NewInvocation, { id, endsAt }: Expected): NewInvocation {
  const { createTime, createdBy, deadline, expirationTime, realm } = run;
  const { expectedResultsExpirationTime } = run;
  return {
    id,
    realm,
    createTime,
    createdBy,
    expirationTime,
    expectedResultsExpirationTime,
    deadline: Math.max(deadline, endsAt),
    endsAt,
    isExpected: true,
  };
}
