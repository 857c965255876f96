import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { writeReports } from '../../../test/support/reports/report-files.ts';
import {
  SkippedReason_Kind,
  TestResult_Status,
  TestResultSchema,
  TestStatus,
} from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { Schemes } from '../../results/identity/schemes.ts';
import { checkTestResult } from '../../services/recorder/results/validate-test-result.ts';
import { readReportSet } from '../report-set.ts';
import { testResultBatches } from './test-results.ts';

const NOW = Date.UTC(2030, 0, 1);

/** Returns the first message of a report, which the server accepts. */
async function messageOf(report: string) {
  const set = await readReportSet(writeReports({ report }));
  for await (const batch of testResultBatches(set, { root: '/src', variant: {}, now: NOW })) {
    const [message] = batch.results();
    const rules = { now: NOW, schemes: new Schemes() };
    expect(() => checkTestResult(create(TestResultSchema, message), rules)).not.toThrow();
    return message;
  }
  throw new Error('no results');
}

const oneCase = (body: string) =>
  `<testsuite name="s"><testcase classname="c" name="x">${body}</testcase></testsuite>`;

test.each([
  [
    'after the message',
    '<failure message="no">no&#10;  at f (x)&#10;  at g</failure>',
    'no',
    '  at f (x)\n  at g',
  ],
  [
    'all of the text that does not begin with it',
    '<failure message="no">Error: no&#10; at f</failure>',
    'no',
    'Error: no\n at f',
  ],
  [
    'after the first lines',
    '<failure>no&#10;nor that&#10; at f</failure>',
    'no\nnor that',
    ' at f',
  ],
])('the trace of a failure is %s', async (_what, body, message, trace) => {
  const { failureReason } = (await messageOf(oneCase(body))) ?? {};
  expect(failureReason).toMatchObject({
    primaryErrorMessage: message,
    errors: [{ message, trace }],
  });
});

test('a failure without a trace has its message alone', async () => {
  const { failureReason } = (await messageOf(oneCase('<failure message="no"/>'))) ?? {};
  expect(failureReason).toMatchObject({ primaryErrorMessage: 'no', errors: [] });
});

test('a long message and a long trace are cut between characters', async () => {
  const body = `<failure message="${'é'.repeat(600)}">${'é'.repeat(600)}\n${'ü'.repeat(3000)}</failure>`;
  const [error] = (await messageOf(oneCase(body)))?.failureReason?.errors ?? [];
  expect(error).toMatchObject({ message: 'é'.repeat(512), trace: 'ü'.repeat(2048) });
});

const GO =
  '{"Action":"run","Package":"p","Test":"T"}\n{"Action":"output","Package":"p","Test":"T","Output":"    x_test.go:5: not\\there\\n"}\n{"Action":"skip","Package":"p","Test":"T"}\n{"Action":"pass","Package":"p"}\n';
const jest = (status: string) =>
  JSON.stringify({
    numTotalTestSuites: 1,
    numTotalTests: 1,
    numPassedTests: 0,
    testResults: [
      {
        name: '/r/f.js',
        status: 'passed',
        assertionResults: [
          { ancestorTitles: [], title: 't', fullName: 't', status, failureMessages: [] },
        ],
      },
    ],
  });
const googletest = (status: string, result: string) =>
  JSON.stringify({
    testsuites: [{ name: 'c', testsuite: [{ name: 't', classname: 'c', status, result }] }],
  });

test.each([
  ['a message of JUnit', oneCase('<skipped message=" not&#10;here "/>'), 'OTHER', 'not here'],
  [
    'a message that is not printable',
    oneCase('<skipped message="e&#8205;&#769; &#27;[31mred"/>'),
    'OTHER',
    'e \u0301 red',
  ],
  ['a test of Go', GO, 'SKIPPED_BY_TEST_BODY', 'x_test.go:5: not here'],
  ['a pending test of Jest', jest('pending'), 'DISABLED_AT_DECLARATION', ''],
  [
    'a disabled test of GoogleTest',
    googletest('NOTRUN', 'SUPPRESSED'),
    'DISABLED_AT_DECLARATION',
    '',
  ],
  [
    'a test of GoogleTest that skips itself',
    googletest('RUN', 'SKIPPED'),
    'SKIPPED_BY_TEST_BODY',
    '',
  ],
] as const)(
  'the reason of a skipped test is known from %s',
  async (_what, report, kind, reasonMessage) => {
    const message = await messageOf(report);
    expect(message).toMatchObject({
      status: TestStatus.STATUS_UNSPECIFIED,
      statusV2: TestResult_Status.SKIPPED,
      skippedReason: { kind: SkippedReason_Kind[kind], reasonMessage },
    });
  },
);

test.each([
  ['a report that says nothing more', oneCase('<skipped/>')],
  ['Vitest, whose tests may have skipped themselves', jest('skipped')],
])('a skipped test has no reason in %s', async (_what, report) => {
  expect(await messageOf(report)).toMatchObject({
    status: TestStatus.SKIP,
    expected: true,
    statusV2: TestResult_Status.STATUS_UNSPECIFIED,
  });
});

test('a test that could not run has no reason of a skip', async () => {
  const report =
    '<testsuite><testcase name="t" classname="t" status="notrun"><skipped message="no such file"/></testcase></testsuite>';
  const message = await messageOf(report);
  expect(message).toMatchObject({ status: TestStatus.SKIP, expected: false });
  expect(message?.skippedReason).toBeUndefined();
});
