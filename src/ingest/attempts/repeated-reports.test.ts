import { linkSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeReports } from '../../../test/support/reports/report-files.ts';
import { inspect } from '../inspect.ts';
import { readReportSet } from '../report-set.ts';

const XML =
  '<testsuite><testcase classname="c" name="a"/><testcase classname="c" name="b"/></testsuite>';
const GO = 'example.com/cart';

describe('the same report, given twice', () => {
  it.each([
    ['a copy', (_: string) => writeReports({ 'copy.xml': XML })[0] ?? ''],
    ['a symbolic link', (path: string) => linked(symlinkSync, path)],
    ['a hard link', (path: string) => linked(linkSync, path)],
  ])('counts once and is told: %s', async (_what, again) => {
    const [path = ''] = writeReports({ 'r.xml': XML });
    const copy = again(path);
    const set = await readReportSet([path, copy]);
    expect(set).toMatchObject({ counts: { tests: 2 }, isComplete: true });
    expect(set.reports.map((report) => report.path)).toEqual([path]);
    expect(set.problems).toEqual([
      {
        file: copy,
        line: 1,
        severity: 'warning',
        message: `the same report as ${path}, so it is taken once`,
      },
    ]);
  });

  it('counts once silently if a path is repeated', async () => {
    const [path = ''] = writeReports({ 'r.xml': XML });
    expect(await inspect([path, path])).toMatchObject({ counts: { tests: 2 }, problems: [] });
  });

  it('leaves the other files of its run alone', async () => {
    const surefire = (body: string) =>
      `<testsuite xmlns:xsi="x" xsi:noNamespaceSchemaLocation="surefire-test-report.xsd">${body}</testsuite>`;
    const [x = '', copy = '', y = ''] = writeReports({
      'TEST-x.xml': surefire('<testcase classname="c" name="x"><failure/></testcase>'),
      'TEST-copy.xml': surefire('<testcase classname="c" name="x"><failure/></testcase>'),
      'TEST-y.xml': surefire(
        '<testcase classname="c" name="x"/><testcase classname="c" name="y"/>',
      ),
    });
    const { counts } = await inspect([x, copy, y]);
    expect(counts).toMatchObject({ tests: 2, passed: 2, flaky: 1 });
  });

  it('is not recognized in files whose tests have no names, unless they are one file', async () => {
    const [a = '', b = ''] = writeReports({ 'a.tap': '1..1\nok 1\n', 'b.tap': '1..1\nok 1\n' });
    expect(await inspect([a, b])).toMatchObject({ counts: { tests: 2 }, problems: [] });
    const again = linked(symlinkSync, a);
    expect(await inspect([a, again])).toMatchObject({ counts: { tests: 1 }, complete: true });
  });

  it('is not recognized in files without tests', async () => {
    const empty = writeReports({ 'a.xml': '<testsuites/>', 'b.xml': '<testsuites/>' });
    expect(await inspect(empty)).toMatchObject({ counts: { tests: 0 }, problems: [] });
  });
});

describe('one run in two formats', () => {
  it('counts once, from the format that holds more, with a warning', async () => {
    const [xml = '', json = ''] = writeReports({
      'junit.xml': gotestsum('TestA', 'TestB'),
      'run.jsonl': goTest('pass', 'pass', true),
    });
    const set = await readReportSet([xml, json]);
    expect(set.counts).toMatchObject({ tests: 2, passed: 2 });
    expect(set.reports.map(({ path }) => path)).toEqual([json]);
    expect(set.problems).toMatchObject([
      {
        file: xml,
        severity: 'warning',
        message: `${json} tells the same tests in another format: taken from there`,
      },
    ]);
  });

  it('is two runs if other tests failed, or others ran', async () => {
    const [xml = '', failed = '', other = ''] = writeReports({
      'junit.xml': gotestsum('TestA', 'TestB'),
      'failed.jsonl': goTest('pass', 'fail'),
      'other.xml': gotestsum('TestA', 'TestC'),
    });
    expect((await inspect([xml, failed])).counts.tests).toBe(4);
    expect((await inspect([other, failed])).counts.tests).toBe(4);
  });

  it('is never assumed between files of one format, as runs are repeated', async () => {
    const [first = '', second = '', json = ''] = writeReports({
      'first.xml': gotestsum('TestA', 'TestB'),
      'second.xml': `${gotestsum('TestA', 'TestB')}\n`,
      'run.jsonl': goTest('pass', 'pass'),
    });
    expect((await inspect([first, second])).counts.tests).toBe(4);
    expect((await inspect([json, first, second])).counts.tests).toBe(4);
  });

  it('is never assumed between reports of different runners', async () => {
    const [tap = '', xml = ''] = writeReports({
      'run.tap': 'TAP version 13\n1..1\nok 1 - works\n',
      'junit.xml': '<testsuite><testcase name="works"/></testsuite>',
    });
    expect((await inspect([tap, xml])).counts.tests).toBe(2);
  });

  it.each([
    ['googletest/xml/report.xml', 'googletest/json/report.json'],
    ['vitest/outcomes/junit.xml', 'vitest/json/report.json'],
    ['jest/outcomes/junit.xml', 'jest/json/report.json'],
  ])('is seen in the reports of real runners: %s and %s', async (first, second) => {
    const reports = join(import.meta.dirname, '../../../test/fixtures/reports');
    const { counts, problems } = await inspect([join(reports, first), join(reports, second)]);
    const expectation = join(reports, dirname(second), 'expected.json');
    const expected = JSON.parse(readFileSync(expectation, 'utf8'));
    expect(counts.tests).toBe(expected.counts.tests);
    expect(problems.filter(({ message }) => message.includes('another format'))).toHaveLength(1);
  });
});

function linked(link: (target: string, path: string) => void, target: string): string {
  const path = join(dirname(target), 'linked');
  link(target, path);
  return path;
}

function gotestsum(...tests: readonly string[]): string {
  const cases = tests.map((name) => `<testcase classname="${GO}" name="${name}"/>`).join('');
  return `<testsuites><testsuite name="${GO}"><properties><property name="go.version" value="go1"/></properties>${cases}</testsuite></testsuites>`;
}

function goTest(a: string, b: string, hasBrokenBuild = false): string {
  const events: object[] = [
    { Action: 'start', Package: GO },
    ...[['TestA', a] as const, ['TestB', b] as const].flatMap(([Test, Action]) => [
      { Action: 'run', Package: GO, Test },
      { Action, Package: GO, Test },
    ]),
    { Action: b, Package: GO },
    ...(hasBrokenBuild
      ? [
          { Action: 'start', Package: 'broken' },
          { Action: 'fail', Package: 'broken', FailedBuild: 'broken' },
        ]
      : []),
  ];
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}
