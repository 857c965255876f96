/** Reads the results of an invocation and of everything that it includes, and formats them. */
import { durationMs } from '@bufbuild/protobuf/wkt';
import { TestResultPredicate_Expectancy } from '../../gen/luci/resultdb/v1/predicate_pb.js';
import type { QueryTestResultsResponse } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { type TestResult, TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import type { Connection } from '../connection/connection.ts';
import type { Retry } from '../connection/rpc-retry.ts';
import { invocationId, invocationName } from '../invocation-argument.ts';
import { isoTime } from '../terminal/describe.ts';
import type { Output } from '../terminal/output.ts';

export interface ResultQuery {
  /** Selects all results of those tests that have an unexpected one. */
  readonly unexpected?: boolean | undefined;
  /** An RE2 pattern that must match the whole test id. */
  readonly test?: string | undefined;
  /** Field names as in the proto files. The field `name` is always read. */
  readonly fields: readonly string[];
  /** Reads all results of the invocation itself and no others, even if it was superseded. */
  readonly own?: boolean | undefined;
  /** Given by commands that must survive a restart of the server. */
  readonly retry?: Retry | undefined;
}

/** The fields that `resultValue` and `describeResult` print. */
export const PRINTED_FIELDS: readonly string[] = [
  'test_id',
  'result_id',
  'variant',
  'variant_hash',
  'expected',
  'status',
  'start_time',
  'duration',
  'failure_reason',
  'tags',
];

const PAGE_SIZE = 1_000;

type ResultPage = Pick<QueryTestResultsResponse, 'testResults' | 'nextPageToken'>;

/** Holds one page in memory at a time. */
export async function* resultsOf(
  { resultDb }: Pick<Connection, 'resultDb'>,
  id: string,
  { fields, own, retry = (call) => call(), test = '', unexpected }: ResultQuery,
): AsyncGenerator<TestResult> {
  const expectancy = unexpected
    ? TestResultPredicate_Expectancy.VARIANTS_WITH_UNEXPECTED_RESULTS
    : TestResultPredicate_Expectancy.ALL;
  const pages = { readMask: { paths: [...fields] }, pageSize: PAGE_SIZE };
  const [invocation, predicate] = [invocationName(id), { testIdRegexp: test, expectancy }];
  const read = (pageToken: string): Promise<ResultPage> =>
    own
      ? resultDb.listTestResults({ ...pages, invocation, pageToken })
      : resultDb.queryTestResults({ ...pages, invocations: [invocation], predicate, pageToken });
  let pageToken = '';
  do {
    const page = await retry(() => read(pageToken));
    yield* page.testResults;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}

/** The invocation that holds a result, as one attempt at a shard. */
export interface Holder {
  readonly invocation: string;
  /** The id of the first attempt. */
  readonly shard: string;
  readonly attempt: number;
}

export function holderOf({ name }: Pick<TestResult, 'name'>): Holder {
  const invocation = invocationId(name).split('/')[0] ?? '';
  return { invocation, ...attemptOfId(invocation) };
}

/** `shard-1.attempt-2` is the second attempt at shard-1. */
export function attemptOfId(id: string): Pick<Holder, 'shard' | 'attempt'> {
  const [, shard = id, number = '1'] = /^(.*)\.attempt-(\d+)$/.exec(id) ?? [];
  return { shard, attempt: Number(number) };
}

/** True if the result is not of a test but, for example, of a crashed command, a hook or a broken report. */
export function isNoTest({ tags }: Pick<TestResult, 'tags'>): boolean {
  return tags.some(({ key, value }) => key === 'kind' && value === 'not_a_test');
}

export function resultValue(result: TestResult) {
  const { duration, failureReason, resultId, startTime, tags, testId, variantHash } = result;
  return {
    name: result.name,
    testId,
    resultId,
    variant: { ...result.variant?.def },
    variantHash,
    status: TestStatus[result.status],
    expected: result.expected,
    ...holderOf(result),
    ...(startTime ? { startTime: isoTime(startTime) } : {}),
    ...(duration ? { durationMs: durationMs(duration) } : {}),
    ...(failureReason?.primaryErrorMessage
      ? { failureMessage: failureReason.primaryErrorMessage }
      : {}),
    tags: tags.map(({ key, value }) => ({ key, value })),
  };
}

/** Returns `FAIL   c::fails  [os:linux]  0.250 s  shard-1 (attempt 2)`, with the failure on the next line. */
export function describeResult(output: Output, result: TestResult): string[] {
  const parts = [statusOf(output, result), nameOf(result), ...detailsOf(output, result)];
  return [inOneLine(parts), ...failureOf(result)];
}

/** Does the same without the test's name, for a list of the attempts at one test. */
export function describeAttempt(output: Output, result: TestResult): string[] {
  return [
    inOneLine([statusOf(output, result), ...detailsOf(output, result)]),
    ...failureOf(result),
  ];
}

function inOneLine(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('  ');
}

/** Returns, for example, `c::fails  [os:linux]`. */
export function nameOf({ testId, variant }: Pick<TestResult, 'testId' | 'variant'>): string {
  const pairs = Object.entries(variant?.def ?? {}).map(([key, value]) => `${key}:${value}`);
  return pairs.length === 0 ? testId : `${testId}  [${pairs.sort().join(' ')}]`;
}

/** Returns, for example, `shard-1 (attempt 2)`. */
export function describeHolder({ attempt, shard }: Pick<Holder, 'attempt' | 'shard'>): string {
  return attempt === 1 ? shard : `${shard} (attempt ${attempt})`;
}

/** Returns the first line of the failure reason, or '' if there is none. */
export function failureLine({ failureReason }: Pick<TestResult, 'failureReason'>): string {
  return (failureReason?.primaryErrorMessage ?? '').trim().split(/\r?\n/)[0] ?? '';
}

function failureOf(result: TestResult): string[] {
  const line = result.expected ? '' : failureLine(result);
  return line === '' ? [] : [`         ${line}`];
}

function statusOf(output: Output, { expected, status }: TestResult): string {
  const style = expected ? (status === TestStatus.PASS ? 'green' : 'dim') : 'red';
  return output.style(style, (TestStatus[status] ?? '').padEnd(5));
}

function detailsOf(output: Output, result: TestResult): string[] {
  const { duration } = result;
  const time = duration ? `${(durationMs(duration) / 1000).toFixed(3)} s` : '';
  return [time, describeHolder(holderOf(result))].map((text) =>
    text === '' ? '' : output.style('dim', text),
  );
}
