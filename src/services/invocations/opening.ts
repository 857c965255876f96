/** What somebody asks who opens an invocation, and what it is to include. */
import { CodedError } from '../../errors.ts';
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
import type { Transaction } from '../../storage/database.ts';

/** An invocation that is announced, and until when it has to appear. */
export interface Expected {
  readonly id: InvocationId;
  readonly endsAt: number;
  /** Whoever asks has said so, and it is not the default. */
  readonly endIsGiven: boolean;
}

export interface Opening {
  /** What a new attempt is created as. */
  readonly created: NewInvocation;
  /** Tags of what this request begins; what is there already does not lack them. */
  readonly contextTags: readonly StringPair[];
  readonly included: readonly InvocationId[];
  readonly expected: readonly Expected[];
  /** The process that records; none for who only bundles. */
  readonly recorder: string | undefined;
  /** The least number of a new attempt. */
  readonly attempt: number;
  readonly lostAfterMs: number | undefined;
  readonly deadlineIsGiven: boolean;
  readonly finalizes: boolean;
  readonly allowNextAttempt: boolean;
  /** What is recorded has happened before: it supersedes nobody. */
  readonly isLate: boolean;
}

/** In place of the request id of what OpenInvocation has created. */
export const OPENED = 'opened';

/** All tags of what the request begins, none twice. */
export function tagsOf({ contextTags, created }: Opening): StringPair[] {
  const own = created.tags ?? [];
  const isOwn = (pair: StringPair) =>
    own.some(({ key, value }) => key === pair.key && value === pair.value);
  return sortPairs([...own, ...contextTags.filter((pair) => !isOwn(pair))]);
}

/** Throws `permission-denied` for somebody else's. */
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

/** Those that are not among `others`, byte by byte. */
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

/** Includes what is asked for, and announces what does not exist yet. Answers all of it. */
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

/** What was announced before, and has not been begun, ends when it is said now. */
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

/** Of the run that expects it, until somebody begins it. */
function announced(run: NewInvocation, { id, endsAt }: Expected): NewInvocation {
  const { createTime, createdBy, deadline, expirationTime, realm } = run;
  return {
    ...{ id, realm, createTime, createdBy, expirationTime },
    deadline: Math.max(deadline, endsAt),
    ...{ endsAt, isExpected: true },
  };
}
