import { appendFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { writeReports } from '../../test/support/reports/report-files.ts';
import { inspect } from './inspect.ts';
import { readReportSet, resultsOf } from './report-set.ts';

const GOOD = suite('<testcase classname="c" name="a"/>');

describe('a set of reports', () => {
  it('takes nothing from a damaged file, and everything from the others', async () => {
    const [bad = '', good = ''] = writeReports({
      'bad.xml': '<testsuite>\n<testcase classname="c" name="a"/>\n<testcase',
      'good.xml': GOOD,
    });
    const set = await readReportSet([bad, good]);
    expect(set).toMatchObject({ counts: { tests: 1, passed: 1 }, isComplete: false });
    expect(set.reports.map(({ path }) => path)).toEqual([good]);
    expect(set.problems).toEqual([
      {
        file: bad,
        line: 3,
        message: 'the XML is not well formed: the file ends inside of <testsuite>: it was cut',
        severity: 'error',
      },
    ]);
  });

  it('forgets the executions of a damaged file of a run', async () => {
    const paths = writeReports({
      'TEST-a.xml': surefire('<testcase classname="c" name="x"><failure/></testcase>'),
      'TEST-b.xml': surefire('<testcase classname="c" name="x"/>').slice(0, -3),
    });
    const { counts } = await readReportSet(paths);
    expect(counts).toMatchObject({ tests: 1, failed: 1, flaky: 0 });
  });

  it.each([
    ['', 'the file is empty'],
    ['version https://x\noid sha256:1\n', 'a Git LFS pointer'],
    ['<coverage/>', 'XML, but not a test report: it begins with <coverage>'],
    ['npm ERR!', 'not a test report in any known format'],
  ])('says why a file is not understood: %j', async (content, message) => {
    const inspection = await inspect(writeReports({ report: content }));
    expect(inspection).toMatchObject({
      format: 'unknown',
      dialect: 'unknown',
      counts: { tests: 0 },
      complete: false,
      problems: [{ line: 1, severity: 'error', message: expect.stringContaining(message) }],
    });
  });

  it.each(['hunter2 is the password', '<hunter2/>', '{"password": "hunter2"}'])(
    'quotes nothing of a file that is no report: %j',
    async (content) => {
      const { problems } = await inspect(writeReports({ report: content }));
      expect(problems).toHaveLength(1);
      expect(problems[0]?.message).not.toMatch(/hunter2|password/);
    },
  );

  it('says that a file cannot be read', async () => {
    const { problems, complete } = await inspect(['no-such-report.xml']);
    expect(complete).toBe(false);
    expect(problems).toMatchObject([{ file: 'no-such-report.xml', line: 1, severity: 'error' }]);
    expect(problems[0]?.message).toContain('ENOENT');
  });

  it('reports a flood of problems only in part, and counts the rest', async () => {
    const lines = Array.from({ length: 200 }, () => '{"Action":');
    const start = '{"Action":"start","Package":"p"}\n{"Action":"pass","Package":"p"}\n';
    const { problems } = await inspect(writeReports({ report: start + lines.join('\n') }));
    expect(problems.length).toBeLessThan(60);
    expect(problems.at(-1)?.message).toBe('150 more errors follow');
  });

  it('reads a file once that is given twice', async () => {
    const [path = ''] = writeReports({ 'a.xml': GOOD });
    const { counts } = await inspect([path, path]);
    expect(counts.tests).toBe(1);
  });

  it('counts tests of one name in several files as several tests', async () => {
    const inspection = await inspect(
      writeReports({ 'a.xml': GOOD, 'b.xml': GOOD.replace('/>', '><failure/></testcase>') }),
    );
    expect(inspection).toMatchObject({
      format: 'junit-xml',
      dialect: 'generic',
      counts: { tests: 2, passed: 1, failed: 1, flaky: 0 },
      complete: true,
    });
  });

  it('joins the files that Surefire wrote into one folder', async () => {
    const failed = surefire('<testcase classname="c" name="x"><failure/></testcase>');
    const passed = surefire('<testcase classname="c" name="x"/>');
    const { counts } = await inspect(writeReports({ 'TEST-a.xml': passed, 'TEST-b.xml': failed }));
    expect(counts).toMatchObject({ tests: 1, passed: 1, flaky: 1 });
    const [a = ''] = writeReports({ 'TEST-a.xml': passed });
    const [b = ''] = writeReports({ 'TEST-b.xml': failed });
    expect((await inspect([a, b])).counts).toMatchObject({ tests: 2, passed: 1, failed: 1 });
  });

  it('says mixed if the files differ', async () => {
    const tap = 'TAP version 13\n1..1\nok 1 - a\n';
    const { format, dialect } = await inspect(writeReports({ 'a.xml': GOOD, 'b.tap': tap }));
    expect({ format, dialect }).toEqual({ format: 'mixed', dialect: 'generic' });
  });

  it('keeps tests of one name in two suites apart if a dialect joins repetitions', async () => {
    const run = '<testsuite name="pytest"><testcase classname="c" name="x"/></testsuite>';
    const merged = `<testsuites name="pytest tests">${run}${run}</testsuites>`;
    const { counts } = await inspect(writeReports({ 'a.xml': merged }));
    expect(counts).toMatchObject({ tests: 2, passed: 2, flaky: 0 });
  });
});

describe('the results of a report', () => {
  it.each(['\n', '<'])(
    'are not given from a file that grew by %j since its check',
    async (appended) => {
      const [path = ''] = writeReports({ 'a.xml': GOOD });
      const { reports } = await readReportSet([path]);
      appendFileSync(path, appended);
      const results = reports.map((report) => Array.fromAsync(resultsOf(report)));
      await expect(Promise.all(results)).rejects.toThrow('changed while it was being read');
    },
  );

  it('are all attempts, each with its status for the run', async () => {
    const [path = ''] = writeReports({
      'a.xml': suite(
        '<testcase name="a"><flakyError message="why"/></testcase>' +
          '<testcase name="b"><skipped/></testcase><testcase name="a"/>',
      ),
    });
    const { reports } = await readReportSet([path]);
    const results = (await Promise.all(reports.map((each) => Array.fromAsync(resultsOf(each)))))
      .flat()
      .map(({ testId, status, expected, attempt, namesake, ordinal, execution }) =>
        [testId.id, status, expected, attempt, namesake, ordinal, execution.summary].join(' '),
      );
    expect(results).toEqual([
      's::a CRASH false 1 0 1 why',
      's::a PASS true 2 0 2 ',
      's::b SKIP true 1 0 1 ',
      's::a PASS true 1 1 3 ',
    ]);
  });

  it('tell that an attempt failed that the report shows as a pass', async () => {
    const attempt = '<testcase classname="c" name="x"/>';
    const [path = ''] = writeReports({
      'a.xml': `<testsuites name="pytest tests"><testsuite>${attempt}${attempt}</testsuite></testsuites>`,
    });
    const { reports } = await readReportSet([path]);
    const [report] = reports;
    if (!report) throw new Error('the report is readable');
    expect(await Array.fromAsync(resultsOf(report))).toMatchObject([
      { status: 'FAIL', expected: false, execution: { summary: /run again/ } },
      { status: 'PASS', expected: true },
    ]);
  });
});

function suite(cases: string): string {
  return `<testsuite name="s">${cases}</testsuite>`;
}

function surefire(cases: string): string {
  const schema = 'xsi:noNamespaceSchemaLocation="https://x/surefire-test-report.xsd"';
  return `<testsuite xmlns:xsi="urn:xsi" ${schema} name="s">${cases}</testsuite>`;
}
