import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFormat } from '../../../test/support/reports/read-format.ts';
import { ReportDamage } from '../report.ts';
import { jestJson } from './jest-json.ts';

const REPORTS = join(import.meta.dirname, '../../../test/fixtures/reports');

describe('the JSON of Jest and Vitest', () => {
  it('names tests by their file and blocks', () => {
    const { executions } = read([
      file('/r/a.test.js', [{ title: 'b', ancestorTitles: ['x', 'y'] }]),
    ]);
    expect(executions).toMatchObject([
      { suite: ['/r/a.test.js'], name: 'x > y > b', location: { file: '/r/a.test.js' } },
    ]);
  });

  it('gives file names relative to the root if they are below it', () => {
    const suites: unknown[] = [];
    const sink = {
      execution: ({ suite }: { suite: readonly string[] }) => suites.push(...suite),
      unnamedSkips: () => {},
      error: () => {},
      warning: () => {},
    };
    const text = reportOf([
      file('/r/src/a.js', [{ title: 'a' }]),
      file('/x/b.js', [{ title: 'b' }]),
    ]);
    const reader = jestJson.open(sink, text, '/r');
    reader.push(text);
    reader.end();
    expect(suites).toEqual(['src/a.js', '/x/b.js']);
  });

  it.each([
    ['passed', 'pass'],
    ['failed', 'fail'],
    ['skipped', 'skip'],
    ['pending', 'skip'],
    ['todo', 'skip'],
    ['disabled', 'skip'],
  ])('reads the status %s', (status, outcome) => {
    const { outcomes } = read([file('a', [{ title: 't', status }])]);
    expect(outcomes).toEqual([`a > t: ${outcome}`]);
  });

  it('counts the attempts of Jest, and shows what is known of them', () => {
    const test = { title: 't', invocations: 3, retryReasons: ['first reason'] };
    const { outcomes, executions } = read([file('a', [test])]);
    expect(outcomes).toEqual(['a > t: fail', 'a > t: fail (2)', 'a > t: pass (3)']);
    expect(executions.map(({ summary }) => summary)).toEqual([
      'first reason',
      'The report says only that this attempt failed.',
      '',
    ]);
  });

  it('takes failures before a pass for attempts, as Vitest has them', () => {
    const retried = file('a', [{ title: 't', failureMessages: ['one', 'two'] }]);
    expect(read([retried]).outcomes).toHaveLength(3);
    const failed = file('a', [{ title: 't', status: 'failed', failureMessages: ['one', 'two'] }]);
    expect(read([failed]).executions).toMatchObject([{ summary: 'one\n\ntwo' }]);
  });

  it('never makes more attempts than anybody would make', () => {
    const { executions } = read([file('a', [{ title: 't', invocations: 1e15 }])]);
    expect(executions).toHaveLength(100);
  });

  it('reports a file that failed without a failing test', () => {
    const broken = { ...file('a', []), status: 'failed', message: 'cannot find it' };
    const { others, executions } = read([broken]);
    expect(others).toEqual(['a > file: crash']);
    expect(executions).toMatchObject([{ summary: 'cannot find it', isTest: false }]);
  });

  it('says that results are missing if it claims more tests', () => {
    expect(read([file('a', [{ title: 't' }])], 3).errors).toEqual([
      '1: the report says 3 tests, but there are only 1',
    ]);
  });

  it('reports entries that are not tests, and reads the others', () => {
    const tests = [{ title: 't' }, 7, { title: 9 }, { title: 'u', status: 'odd' }];
    const { outcomes, errors } = read([file('a', tests)], 1);
    expect(outcomes).toEqual(['a > t: pass']);
    expect(errors).toEqual([
      '1: test 2 has no title',
      '1: test 3 has no title',
      '1: test 4 has the status "odd"',
    ]);
  });

  it('refuses a file that would fill the memory', () => {
    const test = { title: 't', status: 'failed', failureMessages: ['x'.repeat(4096)] };
    const tests = Array.from({ length: 9000 }, () => test);
    expect(() => read([file('a', tests)])).toThrow(ReportDamage);
  });

  it.each(['jest/json/report.json', 'vitest/json/report.json'])(
    'reads the same from chunks of any size: %s',
    (path) => {
      const text = readFileSync(join(REPORTS, path), 'utf8');
      expect(readFormat(jestJson, text, 1000)).toEqual(readFormat(jestJson, text));
    },
  );
});

function file(name: string, tests: readonly unknown[]) {
  const assertionResults = tests.map((test) =>
    typeof test === 'object' ? { status: 'passed', ancestorTitles: [], ...test } : test,
  );
  return { assertionResults, name, status: 'passed', message: '' };
}

function reportOf(files: readonly unknown[], tests = 0): string {
  return JSON.stringify({ numTotalTestSuites: 1, numTotalTests: tests, testResults: files });
}

function read(files: readonly unknown[], tests?: number) {
  return readFormat(jestJson, reportOf(files, tests));
}
