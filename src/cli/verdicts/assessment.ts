/**
 * Assesses each test of a run over all attempts. The results are read as a stream, and a second time to show
 * the tests that did not go well: a test's attempts are in different invocations, so its verdict is known
 * only at the end.
 */
import type { TestResult } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import type { Connection } from '../connection/connection.ts';
import type { Retry } from '../connection/rpc-retry.ts';
import { invocationName } from '../invocation-argument.ts';
import {
  attemptOfId,
  type Holder,
  holderOf,
  isNoTest,
  PRINTED_FIELDS,
  resultsOf,
} from './results.ts';
import { type Verdict, type VerdictCounts, Verdicts } from './verdicts.ts';

export interface Assessment {
  readonly verdicts: Verdicts;
  readonly counts: VerdictCounts;
  readonly results: number;
  /** Unexpected results that are not of a test, from the newest attempt at their shard. */
  readonly problems: readonly RunProblem[];
}

export interface RunProblem extends Holder {
  readonly name: string;
  readonly testId: string;
  /** True if it says that an expected invocation never appeared. */
  readonly isMissing: boolean;
}

/** One test, with its verdict and its attempts. */
export interface TestGroup {
  readonly verdict: Verdict;
  /** At most `MAX_ATTEMPTS`. */
  readonly attempts: TestResult[];
}

const PAGE_SIZE = 1_000;
const MAX_ATTEMPTS = 20;
const VERDICT_FIELDS = ['test_id', 'result_id', 'variant_hash', 'expected', 'status', 'tags'];

export async function assess(
  connection: Connection,
  id: string,
  retry?: Retry,
): Promise<Assessment> {
  const verdicts = new Verdicts();
  await readExonerations(connection, id, { verdicts, retry });
  const newest = new Map<string, number>();
  const problems: RunProblem[] = [];
  let results = 0;
  for await (const result of resultsOf(connection, id, { fields: VERDICT_FIELDS, retry })) {
    const { attempt, shard } = holderOf(result);
    newest.set(shard, Math.max(newest.get(shard) ?? 0, attempt));
    if (!isNoTest(result)) {
      verdicts.add(result);
      results += 1;
    } else if (!result.expected) problems.push(problemOf(result));
  }
  await addIncluded(connection, id, newest);
  return {
    verdicts,
    results,
    counts: verdicts.counts(),
    problems: problems.filter(({ attempt, shard }) => attempt === newest.get(shard)),
  };
}

interface RetryOption {
  /** No call is repeated by default. */
  readonly retry?: Retry | undefined;
}

/** Adds the included invocations: an attempt that succeeded without any result is found only there. */
async function addIncluded(
  { resultDb }: Connection,
  id: string,
  newest: Map<string, number>,
): Promise<void> {
  const { includedInvocations } = await resultDb.getInvocation({ name: invocationName(id) });
  for (const name of includedInvocations) {
    const { attempt, shard } = holderOf({ name });
    newest.set(shard, Math.max(newest.get(shard) ?? 0, attempt));
  }
}

function problemOf(result: TestResult): RunProblem {
  const { name, resultId, testId } = result;
  const isMissing = testId === 'postlude/invocation' && resultId === 'never-appeared';
  return { name, testId, isMissing, ...holderOf(result) };
}

async function readExonerations(
  { resultDb }: Connection,
  id: string,
  { retry = (call) => call(), verdicts }: { readonly verdicts: Verdicts } & RetryOption,
): Promise<void> {
  const request = { invocations: [invocationName(id)], pageSize: PAGE_SIZE };
  let pageToken = '';
  do {
    const page = await retry(() => resultDb.queryTestExonerations({ ...request, pageToken }));
    for (const exoneration of page.testExonerations) verdicts.exonerate(exoneration);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}

export interface TestQuery extends RetryOption {
  readonly assessment: Assessment;
  readonly verdicts: readonly Verdict[];
  /** How many tests of each verdict are read. */
  readonly limit: number;
}

/** Reads up to `limit` tests of each wanted verdict. Tests of these verdicts all have unexpected results. */
export async function readTests(
  connection: Connection,
  id: string,
  { assessment, limit, retry, verdicts }: TestQuery,
): Promise<TestGroup[]> {
  const groups = new Map<string, TestGroup>();
  const counts = new Map<Verdict, number>();
  const query = { fields: PRINTED_FIELDS, unexpected: true, retry };
  for await (const result of resultsOf(connection, id, query)) {
    if (isNoTest(result)) continue;
    const verdict = assessment.verdicts.of(result);
    if (verdict === undefined || !verdicts.includes(verdict)) continue;
    const key = `${result.variantHash} ${result.testId}`;
    const group = groups.get(key);
    if (group !== undefined) {
      if (group.attempts.length < MAX_ATTEMPTS) group.attempts.push(result);
    } else if ((counts.get(verdict) ?? 0) < limit) {
      counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
      groups.set(key, { verdict, attempts: [result] });
    }
  }
  return [...groups.values()];
}

/** Reads the result of each problem. */
export async function readProblems(
  { resultDb }: Connection,
  problems: readonly RunProblem[],
  retry: Retry = (call) => call(),
): Promise<TestResult[]> {
  const found: TestResult[] = [];
  for (const { name } of problems) found.push(await retry(() => resultDb.getTestResult({ name })));
  return found;
}

interface AttemptQuery extends RetryOption {
  readonly id: string;
  readonly attempt: number | undefined;
}

/** Returns the newest attempt at `id`, unless `id` or `attempt` names another. */
export async function attemptToRead(
  { invocations }: Pick<Connection, 'invocations'>,
  { attempt, id, retry = (call) => call() }: AttemptQuery,
): Promise<string> {
  const { shard } = attemptOfId(id);
  if (shard !== id && attempt === undefined) return id;
  const name = invocationName(shard);
  const { explanation } = await retry(() => invocations.explainInvocation({ name }));
  const first = explanation?.chain[0];
  const wanted = attempt ?? first?.lastAttempt ?? 1;
  // The first recorded attempt has the id itself, whatever number the CI system gave it.
  return wanted === (first?.attempt ?? 1) ? shard : `${shard}.attempt-${wanted}`;
}
