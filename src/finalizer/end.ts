/**
 * Ends ACTIVE invocations that their owners have not finalized. Their results may be incomplete, so
 * each gets an unexpected test result that says so, in the same transaction: no invocation that was
 * cut short looks green. A superseded attempt gets none, since none of its results count.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import type { EpochMs } from '@postlude/queue/foundations';
import type { Transaction } from '@postlude/queue/storage';
import { FailureReasonSchema } from '../gen/luci/resultdb/v1/failure_reason_pb.js';
import { describeEnd, type EndCause } from '../invocations/ending.ts';
import type { End } from '../invocations/finalization-state.ts';
import type { InvocationId } from '../invocations/id.ts';
import { readIncludingNothing } from '../invocations/inclusions.ts';
import type { NewTestResult } from '../results/test-result.ts';
import { recordTestResults } from '../results/test-results.ts';
import { type SchedulingParts, startFinalizations } from './schedule.ts';

/** The test id of the result that says that an invocation was cut short. */
export const INVOCATION_TEST_ID = 'postlude/invocation';

export interface Ending extends End {
  readonly id: InvocationId;
}

/** The caller has read in `tx` that all of them are ACTIVE. */
export async function endInvocations(
  parts: SchedulingParts,
  tx: Transaction,
  endings: readonly Ending[],
): Promise<void> {
  const ids = endings.map(({ id }) => id);
  const includingNothing = new Set(await readIncludingNothing(tx, ids));
  for (const { id, cause, reason } of endings) {
    if (cause === 'SUPERSEDED') continue;
    await recordTestResults(tx, id, [resultOf({ cause, reason }, parts.clock.now())]);
  }
  const starts = endings.map(({ id, cause, reason }) => ({
    id,
    end: { cause, reason },
    ...(includingNothing.has(id) ? { included: [] } : {}),
  }));
  await startFinalizations(parts, tx, starts);
}

function resultOf({ cause, reason }: End, now: EpochMs): NewTestResult {
  const said = reason === undefined ? describeEnd(cause) : `${describeEnd(cause)}: ${reason}`;
  return {
    testId: INVOCATION_TEST_ID,
    resultId: resultIdOf(cause),
    variant: {},
    expected: false,
    status: 'ABORT',
    summaryHtml: `<p>${escapeHtml(said)}</p>`,
    failureReason: toBinary(
      FailureReasonSchema,
      create(FailureReasonSchema, { primaryErrorMessage: said }),
    ),
    startTime: now,
    tags: [{ key: 'kind', value: 'not_a_test' }],
  };
}

function resultIdOf(cause: EndCause): string {
  return cause.toLowerCase().replaceAll('_', '-');
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
