/** Counts results by status. */
import { Code, ConnectError } from '@connectrpc/connect';
import { type TestResult, TestStatus } from '../gen/luci/resultdb/v1/test_result_pb.js';
import type { Connection } from './connection/connection.ts';
import { invocationName } from './invocation-argument.ts';
import { countOf } from './terminal/count.ts';

export interface Totals {
  readonly results: number;
  readonly unexpected: number;
  readonly byStatus: Readonly<Record<string, number>>;
}

export const NO_RESULTS: Totals = { results: 0, unexpected: 0, byStatus: {} };

interface Counted {
  readonly status: TestStatus;
  readonly results: number;
  readonly unexpected: number;
}

function add(totals: Totals, { results, status, unexpected }: Counted): Totals {
  const name = TestStatus[status];
  const byStatus = { ...totals.byStatus, [name]: (totals.byStatus[name] ?? 0) + results };
  return {
    results: totals.results + results,
    unexpected: totals.unexpected + unexpected,
    byStatus,
  };
}

export function withResult(totals: Totals, { expected, status }: TestResult): Totals {
  return add(totals, { status, results: 1, unexpected: expected ? 0 : 1 });
}

/**
 * Asks the server to count the results of an invocation and of everything that it includes. Returns
 * `undefined` if it does not say: not every user who may see a run may see its results.
 */
export async function countedTotals(
  { invocations }: Pick<Connection, 'invocations'>,
  id: string,
): Promise<Totals | undefined> {
  try {
    const { counts } = await invocations.countTestResults({ name: invocationName(id) });
    return counts
      .map(({ expected, status, unexpected }) => ({
        status,
        unexpected: Number(unexpected),
        results: Number(expected + unexpected),
      }))
      .reduce(add, NO_RESULTS);
  } catch (error) {
    const isHidden = [Code.PermissionDenied, Code.Unimplemented];
    if (isHidden.includes(ConnectError.from(error).code)) return undefined;
    throw error;
  }
}

export function describeTotals({ byStatus, results, unexpected }: Totals): string {
  const parts = Object.entries(byStatus).map(([status, number]) => `${number} ${status}`);
  return `${countOf(results, 'result')}: ${parts.join(', ') || 'none'}; ${unexpected} unexpected`;
}
