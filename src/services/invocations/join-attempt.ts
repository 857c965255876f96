/**
 * How a caller that does not record joins an existing invocation. While the invocation is ACTIVE,
 * whatever it lacks of the request is added. If it is complete, it must lack nothing.
 */
import { CodedError } from '@postlude/queue/foundations';
import { startFinalization } from '../../finalizer/schedule.ts';
import { newestAttempts } from '../../invocations/attempts.ts';
import { type InvocationId, invocationName } from '../../invocations/id.ts';
import { readIncluded } from '../../invocations/inclusions.ts';
import type { Invocation } from '../../invocations/invocation.ts';
import { describeState, requireActive, updateInvocation } from '../../invocations/invocations.ts';
import { formatPair, type StringPair } from '../../invocations/string-pair.ts';
import { checkExportCount } from '../recorder/validate-invocation.ts';
import { decodeExport } from '../shared/invocation-message.ts';
import {
  checkSameOwner,
  exportsBeside,
  includeWanted,
  OPENED,
  type OpeningTransaction,
} from './opening.ts';

/** What the request asks for and the invocation lacks. */
interface Lacking {
  readonly included: readonly InvocationId[];
  readonly bigqueryExports: readonly Uint8Array[];
  readonly tags: readonly StringPair[];
}

/**
 * Returns `complete` if the attempt lacks something that cannot be added any more and the request
 * allows the next attempt. Throws `failed-precondition` if the request does not allow it, and
 * `permission-denied` if the attempt belongs to another identity.
 */
export async function joinAttempt(
  change: OpeningTransaction,
  newest: Invocation,
): Promise<'joined' | 'complete'> {
  const { opening, tx } = change;
  checkSameOwner(newest, opening);
  checkOpened(newest);
  const there = await readIncluded(tx, newest.id);
  const lacking = await findLacking(change, newest, there);
  if (newest.state === 'ACTIVE') {
    await addLacking(change, newest, { there, lacking });
    return 'joined';
  }
  const differences = describeLacking(lacking);
  if (differences.length === 0) return 'joined';
  if (opening.allowNextAttempt) return 'complete';
  throw new CodedError(
    'failed-precondition',
    `invocations/${newest.id} is ${describeState(newest)} and lacks: ${differences.join('; ')}`,
  );
}

/** CreateInvocation gave its caller a token; another client gets none, even with the same identity. */
function checkOpened({ createRequestId, id }: Invocation): void {
  if (createRequestId === OPENED) return;
  throw new CodedError('permission-denied', `invocations/${id} was not opened by OpenInvocation`);
}

async function findLacking(
  { opening: { created, expected, included }, tx }: OpeningTransaction,
  { bigqueryExports, tags }: Invocation,
  there: readonly InvocationId[],
): Promise<Lacking> {
  const wanted = await newestAttempts(tx, [...included, ...expected.map(({ id }) => id)]);
  const known = new Set(there);
  const pairs = new Set(tags.map(formatPair));
  return {
    included: wanted.filter((id) => !known.has(id)),
    bigqueryExports: exportsBeside(created.bigqueryExports ?? [], bigqueryExports),
    tags: (created.tags ?? []).filter((pair) => !pairs.has(formatPair(pair))),
  };
}

async function addLacking(
  { opening, parts, tx }: OpeningTransaction,
  newest: Invocation,
  { lacking, there }: { readonly there: readonly InvocationId[]; readonly lacking: Lacking },
): Promise<void> {
  const { id } = newest;
  await requireActive(tx, id);
  const bigqueryExports = [...newest.bigqueryExports, ...lacking.bigqueryExports];
  checkExportCount(bigqueryExports);
  await updateInvocation(tx, id, {
    bigqueryExports,
    tags: [...newest.tags, ...lacking.tags],
    ...(opening.deadlineIsGiven ? { deadline: opening.created.deadline } : {}),
  });
  const added = await includeWanted(tx, opening, id);
  const included = [...new Set([...there, ...added])];
  if (opening.finalizes) await startFinalization(parts.finalizer, tx, { id, included });
  tx.afterCommit(() => parts.onChange?.([id]));
}

function describeLacking({ bigqueryExports, included, tags }: Lacking): string[] {
  return [
    ...included.map((id) => `the inclusion of ${invocationName(id)}`),
    ...bigqueryExports.map((each) => {
      const { dataset, project, table } = decodeExport(each);
      return `the export to ${project}.${dataset}.${table}`;
    }),
    ...tags.map((pair) => `the tag ${formatPair(pair)}`),
  ];
}
