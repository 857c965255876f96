/** Results that attacks on readers need, written in batches as clients do. */
import { TestStatus } from '../../src/gen/luci/resultdb/v1/test_result_pb.js';
import type { Attacker } from './attacker.ts';

const BATCH = 500;

export interface AttackResults {
  readonly count: number;
  /** The length of each result's summary. */
  readonly bytes: number;
  /** What each id ends with. */
  readonly ending?: string;
}

/** Records so many unexpected results in a new invocation. */
export async function recordResults(attacker: Attacker, asked: AttackResults) {
  const invocation = await attacker.invocation();
  const { headers, name, recorder } = invocation;
  for (let from = 0; from < asked.count; from += BATCH) {
    const count = Math.min(BATCH, asked.count - from);
    await recorder.batchCreateTestResults(
      { invocation: name, requests: newResults({ ...asked, count }, from) },
      { headers },
    );
  }
  return invocation;
}

export function newResults({ bytes, count, ending = '' }: AttackResults, from = 0) {
  const summaryHtml = 'x'.repeat(bytes);
  return Array.from({ length: count }, (_, index) => ({
    testResult: {
      testId: `test ${from + index} ${ending}`,
      resultId: '1',
      expected: false,
      status: TestStatus.FAIL,
      summaryHtml,
    },
  }));
}
