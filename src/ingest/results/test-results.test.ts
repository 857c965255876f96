import { globSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { writeReports } from '../../../test/support/reports/report-files.ts';
import { TestResultSchema, TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { Schemes } from '../../results/identity/schemes.ts';
import { checkTestResult } from '../../services/recorder/results/validate-test-result.ts';
import { readReportSet } from '../report-set.ts';
import type { TestResultMessage } from './result-batch.ts';
import { testResultBatches, type UploadContext } from './test-results.ts';

const REPORTS = join(import.meta.dirname, '../../../test/fixtures/reports');
const NOW = Date.UTC(2030, 0, 1);
const RULES = { now: NOW, schemes: new Schemes() };
const context: UploadContext = { root: '/src', variant: { os: 'linux' }, now: NOW };

describe('the messages of reports', () => {
  it('may all be recorded, each under an id of its own', async () => {
    const files = globSync('*/*/*.{xml,json,jsonl,tap}', { cwd: REPORTS });
    const reports = files.filter((file) => !file.endsWith('expected.json'));
    const messages = await messagesOf(
      reports.map((file) => join(REPORTS, file)),
      context,
    );
    const keys = messages.map(({ testId, resultId }) => `${testId} ${resultId}`);
    expect(messages.length).toBeGreaterThan(300);
    expect(new Set(keys).size).toBe(messages.length);
    for (const message of messages) {
      expect(() => checkTestResult(create(TestResultSchema, message), RULES)).not.toThrow();
    }
  });

  it('are the same when they are made again', async () => {
    const paths = writeReports({ 'a.xml': oneCase(''), 'b.xml': oneCase('') });
    expect(await messagesOf(paths, context)).toEqual(await messagesOf(paths, context));
  });

  it('have other ids for another report and for another variant', async () => {
    const paths = writeReports({ a: oneCase(''), b: oneCase('<failure/>') });
    const other = { ...context, variant: { os: 'other' } };
    const messages = [...(await messagesOf(paths, context)), ...(await messagesOf(paths, other))];
    expect(new Set(messages.map(({ testId }) => testId)).size).toBe(1);
    expect(new Set(messages.map(({ resultId }) => resultId)).size).toBe(4);
  });

  it('have the same ids for the same report in another place', async () => {
    const first = await messagesOf(writeReports({ 'a.xml': oneCase('') }), context);
    const again = await messagesOf(writeReports({ 'b.xml': oneCase('') }), context);
    expect(again[0]?.resultId).toBe(first[0]?.resultId);
  });

  it('have other ids in another place if tests have no names', async () => {
    const paths = writeReports({ 'a.tap': '1..1\nok 1\n', 'b.tap': '1..1\nok 1\n' });
    const messages = await messagesOf(paths, context);
    expect(new Set(messages.map(({ resultId }) => resultId)).size).toBe(2);
  });

  it.each([
    [
      'the message that the report tells',
      '<failure message=" wanted 1 ">trace</failure>',
      'wanted 1',
    ],
    [
      'without it, the first lines of the text',
      '<failure>wanted 1\n got 2\n  at f (x)</failure>',
      'wanted 1\n got 2',
    ],
    ['in plain text', '<failure message="&#27;[31mred&#27;[0m &lt;b>"/>', 'red <b>'],
    ['in at most 1024 bytes', `<failure message="${'é'.repeat(600)}"/>`, 'é'.repeat(512)],
    ['nothing where nothing is told', '<failure/>', undefined],
    ['nothing of a skipped test', '<skipped message="no"/>', undefined],
  ])('have as the primary error message: %s', async (_what, body, primaryErrorMessage) => {
    const [message] = await messagesOf(writeReports({ r: oneCase(body) }), context);
    expect(message?.failureReason?.primaryErrorMessage).toBe(primaryErrorMessage);
    expect(() => checkTestResult(create(TestResultSchema, message), RULES)).not.toThrow();
  });

  it('show the output of a failing test below its failure, and none of a test that passed', async () => {
    const output = `<system-out>begin ${'x'.repeat(9000)} end</system-out>`;
    const failure = `<failure>why ${'y'.repeat(9000)} because</failure>`;
    const [failed] = await messagesOf(writeReports({ f: oneCase(failure + output) }), context);
    expect(failed?.summaryHtml).toMatch(
      /^<pre>why .* because\n\n--- stdout ---\nbegin .* end<.pre>$/s,
    );
    const [passed] = await messagesOf(writeReports({ p: oneCase(output) }), context);
    expect(passed?.summaryHtml).toBe('');
  });

  it('have no more tags than the server accepts, those of the report first', async () => {
    const long = 'v'.repeat(1000);
    const more = Array.from({ length: 200 }, (_, i) => `"k${i}":"${long}"`).join();
    const test = `{"name":"t","status":"RUN","result":"COMPLETED","classname":"c",${more}}`;
    const json = `{"testsuites":[{"name":"c","testsuite":[${test}]}]}`;
    const [message] = await messagesOf(writeReports({ 'r.json': json }), context);
    expect(() => checkTestResult(create(TestResultSchema, message), RULES)).not.toThrow();
    expect(message?.tags?.[0]).toMatchObject({ key: 'report_dialect', value: 'googletest' });
  });

  it('have the project of Playwright in the variant, unless the caller says otherwise', async () => {
    const test = { projectName: 'firefox', results: [{ status: 'passed' }] };
    const suites = [{ title: 'f', specs: [{ title: 't', file: 'f', line: 1, tests: [test] }] }];
    const json = JSON.stringify({ config: { rootDir: '/r' }, suites });
    const [own] = await messagesOf(writeReports({ 'r.json': json }), context);
    expect(own?.variant?.def).toEqual({ os: 'linux', project: 'firefox' });
    const given = { ...context, variant: { project: 'mine' } };
    const [told] = await messagesOf(writeReports({ 'r.json': json }), given);
    expect(told?.variant?.def).toEqual({ project: 'mine' });
  });

  it('say what the report says', async () => {
    const [message] = await messagesOf(
      writeReports({
        'a.xml':
          '<testsuite name="s"><testcase classname="c" name="x" time="1.5" file="./t/x.c" line="3"' +
          ' timestamp="2026-01-02T03:04:05Z"><failure type="E" message="&lt;no>"/></testcase>' +
          '</testsuite>',
      }),
      context,
    );
    expect(message).toMatchObject({
      testId: 'c::x',
      variant: { def: { os: 'linux' } },
      expected: false,
      status: TestStatus.FAIL,
      summaryHtml: '<pre>&lt;no&gt;</pre>',
      startTime: { seconds: BigInt(Date.UTC(2026, 0, 2, 3, 4, 5) / 1000), nanos: 0 },
      duration: { seconds: 1n, nanos: 500_000_000 },
      tags: [
        { key: 'report_dialect', value: 'generic' },
        { key: 'suite', value: 's' },
        { key: 'class', value: 'c' },
        { key: 'failure_type', value: 'E' },
      ],
      testLocation: { fileName: '//t/x.c', line: 3 },
      testMetadata: { name: 'c::x' },
    });
  });

  it('locate a test in its repository, if that is known', async () => {
    const repo = 'https://git.example/project';
    const paths = writeReports({ 'a.xml': oneCase('', 'file="t/x.c"') });
    const [message] = await messagesOf(paths, { ...context, repo });
    expect(message?.testMetadata?.location).toMatchObject({ repo, fileName: '//t/x.c', line: 0 });
    expect(message?.testLocation).toBeUndefined();
  });

  it.each([
    ['/src/t/x.c', '//t/x.c'],
    ['file:///src/t/x.c', '//t/x.c'],
    ['t\\x.c', '//t/x.c'],
    ['/build/x.c', undefined],
    ['../x.c', undefined],
    ['C:\\x.c', undefined],
    ['t/', undefined],
    ['x'.repeat(600), undefined],
  ])('place %s at %s', async (file, fileName) => {
    const [message] = await messagesOf(
      writeReports({ 'a.xml': oneCase('', `file="${file}"`) }),
      context,
    );
    expect(message?.testLocation?.fileName).toBe(fileName);
  });

  it('leave out a start time from a clock that is ahead of ours', async () => {
    const paths = writeReports({ 'a.xml': oneCase('', 'timestamp="2031-01-01T00:00:00Z"') });
    const [message] = await messagesOf(paths, context);
    expect(message?.startTime).toBeUndefined();
  });

  it('say which attempt they are, and that they are not a test', async () => {
    const tagsOf = (message: TestResultMessage | undefined) =>
      message?.tags?.map(({ key, value }) => `${key}=${value}`);
    const [first, second] = await messagesOf(
      writeReports({ 'a.xml': oneCase('<flakyFailure/>') }),
      context,
    );
    const [load] = await messagesOf(
      writeReports({
        'a.xml':
          '<testsuites name="vitest tests"><testsuite name="f"><testcase classname="f" name="f">' +
          '<failure/></testcase></testsuite></testsuites>',
      }),
      context,
    );
    expect(tagsOf(first)).not.toContain('attempt=1');
    expect(tagsOf(second)).toContain('attempt=2');
    expect(tagsOf(load)).toContain('kind=not_a_test');
    expect(load).toMatchObject({ status: TestStatus.CRASH, expected: false });
  });

  it('come in order, in batches that fit into a request', async () => {
    const cases = Array.from({ length: 1201 }, (_, n) => `<testcase name="${n}"/>`);
    const paths = writeReports({ 'a.xml': `<testsuite>${cases.join('')}</testsuite>` });
    const batches = await batchesOf(paths, context);
    expect(batches.map((batch) => batch.length)).toEqual([500, 500, 201]);
    expect(batches.flat().map(({ testId }) => testId)).toEqual(cases.map((_, n) => String(n)));
  });

  it('come in smaller batches if they are large', async () => {
    const failure = `<failure>${'x'.repeat(5000)}</failure>`;
    const cases = Array.from(
      { length: 600 },
      (_, n) => `<testcase name="${n}">${failure}</testcase>`,
    );
    const paths = writeReports({ 'a.xml': `<testsuite>${cases.join('')}</testsuite>` });
    const batches = await batchesOf(paths, context);
    expect(batches.flat()).toHaveLength(600);
    for (const batch of batches) {
      const bytes = batch.reduce((sum, { summaryHtml = '' }) => sum + summaryHtml.length, 0);
      expect(bytes).toBeLessThan(2_000_000);
    }
  });
});

async function batchesOf(paths: readonly string[], { ...given }: UploadContext) {
  const batches = testResultBatches(await readReportSet(paths), given);
  return Array.fromAsync(batches, (batch) => batch.results());
}

async function messagesOf(paths: readonly string[], given: UploadContext) {
  return (await batchesOf(paths, given)).flat();
}

function oneCase(children: string, attributes = ''): string {
  return `<testsuite><testcase name="x" ${attributes}>${children}</testcase></testsuite>`;
}
