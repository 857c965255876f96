import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFormat } from '../../../test/support/reports/read-format.ts';
import { ReportDamage } from '../report.ts';
import { junitXml } from './junit-xml.ts';

const REPORTS = join(import.meta.dirname, '../../../test/fixtures/reports');
const fixtures = globSync('*/*/*.xml', { cwd: REPORTS }).sort();

describe('a JUnit file that was cut', () => {
  it.each(fixtures)('is rejected wherever it was cut: %s', (file) => {
    const text = readFileSync(join(REPORTS, file), 'utf8').trimEnd();
    for (let at = 0; at < text.length; at += 1 + Math.floor(text.length / 100)) {
      expect(() => readFormat(junitXml, text.slice(0, at)), `cut at ${at}`).toThrow(ReportDamage);
    }
  });
});

describe('the reader of JUnit XML', () => {
  it.each([
    ['<testsuites/>', true],
    ['\ufeff \n<?xml version="1.0"?><!-- x --><!DOCTYPE a []><testsuite name="s">', true],
    ['<j:testsuites xmlns:j="urn:j">', true],
    ['<coverage><testsuites/></coverage>', false],
    ['<testsuitesx/>', false],
    ['{"testsuites": []}', false],
    ['', false],
  ])('recognizes %j: %j', (head, isJUnit) => {
    expect(junitXml.detect(head.replace('\ufeff', ''))).toBe(isJUnit);
  });

  it('refuses a test case inside of a test case', () => {
    const text = '<testsuite><testcase name="a">\n<testcase name="b"/></testcase></testsuite>';
    expect(() => readFormat(junitXml, text)).toThrow('a test case inside of a test case');
  });

  it.each([
    ['', 'pass'],
    ['<system-out>o</system-out><system-err/><properties/>', 'pass'],
    ['<failure/>', 'fail'],
    ['<failure/><failure/>', 'fail'],
    ['<error/>', 'crash'],
    ['<failure/><error/>', 'fail'],
    ['<skipped/>', 'skip'],
    ['<skipped/><failure/>', 'fail'],
  ])('takes the worst of what a test case tells: %s', (children, outcome) => {
    const { outcomes } = readFormat(junitXml, oneCase(children));
    expect(outcomes).toEqual([`a > x: ${outcome}`]);
  });

  it('takes flaky and rerun children as attempts before and after', () => {
    const flaky = oneCase('<flakyFailure message="1" type="T"/><flakyError message="2"/>');
    const rerun = oneCase('<error message="1"/><rerunFailure message="2"/>');
    const { executions } = readFormat(junitXml, flaky);
    expect(executions.map(({ summary }) => summary)).toEqual(['1', '2', '']);
    expect(executions.map(({ tags }) => tags.at(-1)?.[1])).toEqual(['T', 'a', 'a']);
    expect(readFormat(junitXml, flaky).outcomes).toEqual([
      'a > x: fail',
      'a > x: crash (2)',
      'a > x: pass (3)',
    ]);
    expect(readFormat(junitXml, rerun).outcomes).toEqual(['a > x: crash', 'a > x: fail (2)']);
  });

  it('summarizes each attempt by what it says, without output', () => {
    const { executions } = readFormat(
      junitXml,
      oneCase(
        '<failure message="no" type="E">at <![CDATA[<b>]]></failure>' +
          '<rerunFailure message="no" type="E"><stackTrace>no: again</stackTrace>' +
          '<system-out>noise</system-out></rerunFailure>',
      ),
    );
    expect(executions.map(({ summary }) => summary)).toEqual(['no\nat <b>', 'no: again']);
    expect(executions[0]?.tags).toContainEqual(['failure_type', 'E']);
  });

  it('reads where a test is, when it ran and for how long', () => {
    const { executions } = readFormat(
      junitXml,
      '<testsuite name="s" file="suite.c">\n<testcase name="a" time="0.5" file="a.c" line="7"' +
        ' timestamp="2026-01-02T03:04:05Z"/><testcase name="b" line="x"/></testsuite>',
    );
    expect(executions).toMatchObject([
      {
        location: { file: 'a.c', line: 7 },
        durationMs: 500,
        startTimeMs: Date.UTC(2026, 0, 2, 3, 4, 5),
        line: 2,
      },
      { location: { file: 'suite.c', line: undefined }, durationMs: undefined },
    ]);
  });

  it('names a test by its class, or else by its suites', () => {
    const { executions } = readFormat(
      junitXml,
      '<testsuites><testsuite name="s"><testsuite name="t"><testcase name="a"/></testsuite>' +
        '<testcase name="b" classname="B"/><testcase name="c" classname="c"/></testsuite>' +
        '<testcase name="d"/><testcase/></testsuites>',
    );
    expect(executions.map(({ suite, name }) => [...suite, name].join('/'))).toEqual([
      's/t/a',
      'B/b',
      'c',
      'd',
      '',
    ]);
  });

  it('keeps the properties of a test as tags, up to a reasonable number', () => {
    const properties = (n: number) =>
      `<properties>${Array.from({ length: n }, (_, i) => `<property name="p${i}" value="${i}"/>`).join('')}</properties>`;
    const [execution] = readFormat(
      junitXml,
      `<testsuite><properties><property name="s" value="1"/></properties><testcase name="a">${properties(1000)}</testcase></testsuite>`,
    ).executions;
    expect(execution?.tags).toEqual(Array.from({ length: 20 }, (_, i) => [`p${i}`, `${i}`]));
  });

  it('keeps the beginning and the end of what a test wrote, apart from its failure', () => {
    const [execution] = readFormat(
      junitXml,
      `<testsuite><testcase name="a"><failure message="m">f<system-out>inner</system-out></failure><system-out>begin${'x'.repeat(1e6)}end</system-out><system-err>e</system-err></testcase></testsuite>`,
    ).executions;
    expect(execution).toMatchObject({ errorMessage: 'm', summary: 'm\nf' });
    expect(execution?.output).toEqual([
      { name: 'stdout', text: expect.stringMatching(/^beginx+\n… .* …\nx+end$/) },
      { name: 'stderr', text: 'e' },
    ]);
  });

  it('reads the same from chunks of any size', () => {
    const head = readFileSync(join(REPORTS, fixtures[0] ?? ''), 'utf8');
    const whole = readFormat(junitXml, head);
    const reader = junitXml.open(
      {
        execution: ({ name }) => names.push(name),
        unnamedSkips: () => {},
        error: () => {},
        warning: () => {},
      },
      head,
    );
    const names: string[] = [];
    for (const char of head) reader.push(char);
    reader.end();
    expect(names).toEqual(whole.executions.map(({ name }) => name));
  });
});

describe('dialects of JUnit XML', () => {
  it.each([
    ['status="failed"', 'fail'],
    ['result="Error"', 'crash'],
    ['status="ignored"', 'skip'],
    ['status="run"', 'pass'],
    ['status="whatever"', 'pass'],
  ])(
    'generic: believes the attribute %s of a test case that says nothing else',
    (status, outcome) => {
      const { dialect, outcomes } = readFormat(
        junitXml,
        `<testsuites><testsuite name="s"><testcase name="x" ${status}/></testsuite></testsuites>`,
      );
      expect(dialect).toBe('generic');
      expect(outcomes).toEqual([`s > x: ${outcome}`]);
    },
  );

  it.each([
    ['pytest', 'name="" errors="" failures="" skipped="" tests="" time="" timestamp=""'],
    ['vitest', 'name="" timestamp="" hostname="" tests="" failures="" errors="" skipped=""'],
    ['jest-junit', 'name="" errors="" failures="" skipped="" timestamp="" time="" tests=""'],
    ['mocha-junit-reporter', 'name="" timestamp="" tests="" file="" time="" failures=""'],
  ])(
    '%s: is known by the order of its attributes, where its names were changed',
    (name, attributes) => {
      const text = `<testsuites name="ours"><testsuite ${attributes}/></testsuites>`;
      expect(readFormat(junitXml, text).dialect).toBe(name);
    },
  );

  it('pytest: recognizes an expected failure', () => {
    const { dialect, executions } = readFormat(
      junitXml,
      '<testsuites name="pytest tests"><testsuite name="pytest"><testcase classname="t" name="x">' +
        '<skipped type="pytest.xfail" message="why"/></testcase></testsuite></testsuites>',
    );
    expect(dialect).toBe('pytest');
    expect(executions[0]?.outcome).toBe('skip');
    expect(executions[0]?.tags).toContainEqual(['xfail', 'true']);
  });

  it('Vitest: does not take files that failed to load and hooks as tests', () => {
    const { outcomes, others } = readFormat(
      junitXml,
      '<testsuites name="vitest tests">' +
        '<testsuite name="a.js"><testcase classname="a.js" name="a &gt; b &gt; t"/>' +
        '<testcase classname="a.js" name="a"/>' +
        '<testcase classname="a.js" name="a &gt; b"><failure/></testcase>' +
        '<testcase classname="a.js" name="t"><failure/></testcase></testsuite>' +
        '<testsuite name="b.js"><testcase classname="b.js" name="b.js"><failure/></testcase>' +
        '<testcase classname="b.js" name="a"><failure/></testcase></testsuite></testsuites>',
    );
    expect(outcomes).toEqual([
      'a.js > a > b > t: pass',
      'a.js > a: pass',
      'a.js > t: fail',
      'b.js > a: fail',
    ]);
    expect(others).toEqual(['a.js > a > b: crash', 'b.js: crash']);
  });

  it('Jest: does not take a file that failed to load as a test', () => {
    const { outcomes, others } = readFormat(
      junitXml,
      '<testsuites name="jest tests"><testsuite name="s"><testcase classname="t" name="t"/>' +
        '<testcase classname="Test suite failed to run" name="/a.js"><error>x</error></testcase>' +
        '</testsuite></testsuites>',
    );
    expect(outcomes).toEqual(['t: pass']);
    expect(others).toEqual(['Test suite failed to run > /a.js: crash']);
  });

  it.each([
    ['name="top a" classname="a"', 'top a'],
    ['name="a" classname="top a"', 'top a'],
  ])('Mocha: takes the full title from %s', (attributes, name) => {
    const { executions } = readFormat(
      junitXml,
      `<testsuites name="Mocha Tests"><testsuite name="Root Suite"><testcase ${attributes}/>` +
        '</testsuite></testsuites>',
    );
    expect(executions).toMatchObject([{ suite: [], name }]);
  });

  it('node:test: takes a todo that fails as skipped, and what was ended as aborted', () => {
    const { dialect, outcomes } = readFormat(
      junitXml,
      '<testsuites><testcase name="a" time="0" classname="test"><skipped type="todo"/>' +
        '<failure type="testCodeFailure"/></testcase><testsuite name="&amp;quot;s&amp;quot;">' +
        '<testcase name="b" time="0" classname="s"><failure type="cancelledByParent"/></testcase>' +
        '</testsuite></testsuites>',
    );
    expect(dialect).toBe('node-test');
    expect(outcomes).toEqual(['a: skip', '"s" > b: abort']);
  });

  it('gotestsum: does not take a package that failed without a failing test as a test', () => {
    const { dialect, others } = readFormat(
      junitXml,
      '<testsuites tests="2"><testsuite tests="2" name="p"><properties><property name="go.version"' +
        '/></properties><testcase classname="p" name="TestMain"><failure/></testcase>' +
        '<testcase classname="q" name=""><failure/></testcase></testsuite></testsuites>',
    );
    expect(dialect).toBe('gotestsum');
    expect(others).toEqual(['p > TestMain: crash', 'q > : crash']);
  });

  it('go-junit-report: takes builds as no tests, and tests that never ended as aborted', () => {
    const { dialect, outcomes, others } = readFormat(
      junitXml,
      '<testsuites tests="3"><testsuite name="p" id="0" hostname="h">' +
        '<testcase classname="p" name="[build failed]"><error message="Build error"/></testcase>' +
        '<testcase classname="p" name="A"><error message="No test result found"/></testcase>' +
        '</testsuite></testsuites>',
    );
    expect(dialect).toBe('go-junit-report');
    expect(outcomes).toEqual(['p > A: abort']);
    expect(others).toEqual(['p > [build failed]: crash']);
  });

  it('cargo-nextest: takes a timeout as aborted', () => {
    const { dialect, outcomes } = readFormat(
      junitXml,
      '<testsuites name="nextest-run" uuid="u"><testsuite name="p"><testcase classname="p" ' +
        'name="a"><failure type="test timeout"/><rerunFailure type="test timeout"/></testcase>' +
        '</testsuite></testsuites>',
    );
    expect(dialect).toBe('cargo-nextest');
    expect(outcomes).toEqual(['p > a: abort', 'p > a: fail (2)']);
  });

  it('GoogleTest: takes disabled tests as skipped, but not the set-up of a suite as a test', () => {
    const { dialect, executions, others } = readFormat(
      junitXml,
      '<testsuites name="AllTests"><testsuite name="S">' +
        '<testcase name="A" classname="S" status="notrun" result="suppressed"/>' +
        '<testcase name="B" classname="S" status="run" result="skipped" value_param="7"/>' +
        '<testcase name="" classname="S" status="run" result="completed"><failure/></testcase>' +
        '</testsuite></testsuites>',
    );
    expect(dialect).toBe('googletest');
    expect(executions.map(({ outcome }) => outcome)).toEqual(['skip', 'skip', 'crash']);
    expect(executions[1]?.tags).toContainEqual(['value_param', '7']);
    expect(others).toEqual(['S > : crash']);
  });

  it('CTest: distinguishes tests that were skipped from those that could not run', () => {
    const { dialect, outcomes } = readFormat(
      junitXml,
      '<testsuite name="(empty)"><testcase name="a" status="disabled"/>' +
        '<testcase name="b" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>' +
        '<testcase name="c" status="notrun"><skipped message="Unable to find executable"/>' +
        '</testcase><testcase name="d" status="fail"><failure message=""/></testcase>' +
        '<testcase name="e" status="fail"><failure message="Timeout"/></testcase>' +
        '<testcase name="f" status="run"/></testsuite>',
    );
    expect(dialect).toBe('ctest');
    expect(outcomes).toEqual([
      'a: skip',
      'b: skip',
      'c: not-run',
      'd: fail',
      'e: abort',
      'f: pass',
    ]);
  });
});

function oneCase(children: string): string {
  return `<testsuite><testcase classname="a" name="x">${children}</testcase></testsuite>`;
}
