import { describe, expect, it } from 'vitest';
import { type FormatReading, readFormat } from '../../../test/support/reports/read-format.ts';
import { ReportDamage } from '../report.ts';
import { ctrf } from './ctrf.ts';

describe('CTRF', () => {
  it('refuses a file that is cut', () => {
    const text = report([{ name: 'a', status: 'passed', duration: 1 }]);
    expect(() => readFormat(ctrf, text.slice(0, -3))).toThrow(ReportDamage);
  });

  it.each([
    ['no name', { status: 'passed' }, 'test 2 has no name'],
    ['a name that is no text', { name: null, status: 'passed' }, 'test 2 has no name'],
    ['an unknown status', { name: 'b', status: 'exploded' }, 'test 2 has the status "exploded"'],
    ['no status', { name: 'b' }, 'test 2 has the status undefined'],
    ['text in place of a test', 'b', 'test 2 is not an object'],
  ])('tells of a test with %s, and reads the others', (_, bad, message) => {
    const good = { name: 'a', status: 'passed', duration: 1 };
    const reading = readFormat(ctrf, report([good, bad, { ...good, name: 'c' }]));
    expect(reading.errors).toEqual([`1: ${message}`]);
    expect(reading.outcomes).toEqual(['a: pass', 'c: pass']);
  });

  it('warns of a duration and a line that are not amounts, and leaves them out', () => {
    const reading = read({ name: 'a', status: 'failed', duration: '12', line: -1, filePath: 'f' });
    expect(reading.warnings).toEqual([
      '1: test 1: duration is not a number of 0 or more',
      '1: test 1: line is not a number of 0 or more',
    ]);
    const location = { file: 'f', line: undefined };
    expect(reading.executions[0]).toMatchObject({ durationMs: undefined, location });
  });

  it('reports a file without tests', () => {
    expect(readFormat(ctrf, '{"results":{"tool":{"name":"x"}}}').errors).toEqual([
      '1: a CTRF report has an array results.tests',
    ]);
  });

  it('counts the tests itself, and says that results are missing if the summary has more', () => {
    const summary = (counts: string) =>
      readFormat(
        ctrf,
        `{"results":{"summary":{${counts}},"tests":[{"name":"a","status":"passed"}]}}`,
      );
    expect(summary('"tests":3,"failed":2').errors).toEqual([
      '1: the summary says 3 tests, but there are only 1',
      '1: the summary says that 2 tests failed, but only 0 did',
    ]);
    expect(summary('"tests":1,"failed":0')).toMatchObject({ errors: [], warnings: [] });
    expect(summary('"tests":0').warnings).toEqual(['1: the summary says 0 tests, but there are 1']);
  });

  it.each([
    ['passed', '', 'pass'],
    ['failed', '', 'fail'],
    ['skipped', '', 'skip'],
    ['pending', '', 'skip'],
    ['other', 'todo', 'skip'],
    ['other', 'interrupted', 'abort'],
    ['other', 'timedOut', 'abort'],
    ['other', 'error', 'crash'],
  ])('reads the status %s with the raw status %j as %s', (status, rawStatus, outcome) => {
    const reading = read({ name: 'a', status, rawStatus, duration: 0 });
    expect(reading.outcomes).toEqual([`a: ${outcome}`]);
    expect(reading.warnings).toEqual([]);
  });

  it('warns if it does not know what "other" means, and does not count it as a pass', () => {
    const reading = read({ name: 'a', status: 'other', rawStatus: 'odd', duration: 0 });
    expect(reading.outcomes).toEqual(['a: skip']);
    expect(reading.warnings).toEqual(['1: the status "other" (odd) is read as skipped']);
  });

  it.each([
    ['a flaky test', { status: 'passed', retries: 2, flaky: true }, ['fail', 'fail', 'pass']],
    ['retries without the flag', { status: 'passed', retries: 1 }, ['fail', 'pass']],
    ['the flag without retries', { status: 'passed', flaky: true }, ['fail', 'pass']],
    ['retries that all failed', { status: 'failed', retries: 1 }, ['fail', 'fail']],
    ['a skipped test', { status: 'skipped', retries: 2 }, ['skip']],
  ])('tells the attempts of %s', (_, test, outcomes) => {
    const reading = read({ name: 'a', duration: 5, ...test });
    expect(reading.executions.map(({ outcome }) => outcome)).toEqual(outcomes);
    expect(reading.executions.map(({ round }) => round)).toEqual(outcomes.map((_, at) => at + 1));
  });

  it('reads from retryAttempts how each attempt went', () => {
    const retryAttempts = [{ attempt: 1, status: 'failed', duration: 7, message: 'first' }];
    const reading = read({ name: 'a', status: 'passed', duration: 5, retries: 1, retryAttempts });
    expect(reading.executions).toMatchObject([
      { summary: 'first', durationMs: 7 },
      { summary: '', durationMs: 5 },
    ]);
  });

  it('does not believe an absurd number of retries', () => {
    const reading = read({ name: 'a', status: 'failed', duration: 0, retries: 1e12 });
    expect(reading.executions).toHaveLength(100);
  });

  it('keeps suite, location, time, message and tags', () => {
    const reading = read({
      name: 'a',
      status: 'failed',
      duration: 1.5,
      start: 1000,
      suite: ['outer', 'inner'],
      filePath: 'a.test.js',
      line: 3,
      message: 'boom',
      trace: 'Error: boom\n  at a',
      tags: ['slow'],
      browser: 'firefox',
    });
    expect(reading.executions[0]).toMatchObject({
      suite: ['outer', 'inner'],
      durationMs: 1.5,
      startTimeMs: 1000,
      summary: 'Error: boom\n  at a',
      location: { file: 'a.test.js', line: 3 },
      tags: [
        ['tag', 'slow'],
        ['browser', 'firefox'],
      ],
    });
  });

  it('names the tool as dialect, and reads the same in chunks of any size', () => {
    const text = report([{ name: 'ä', status: 'passed', duration: 1 }]);
    expect(readFormat(ctrf, text).dialect).toBe('x');
    for (const size of [1, 3, 50]) {
      expect(readFormat(ctrf, text, size)).toEqual(readFormat(ctrf, text));
    }
  });

  it.each([
    ['a report', report([]), true],
    ['a report of an early version', '{"results":{"tool":{}}}', true],
    ['another JSON', '{"tests": 3, "failures": 0}', false],
    ['XML', '<testsuites/>', false],
  ])('recognizes %s by content', (_, text, expected) => {
    expect(ctrf.detect(text)).toBe(expected);
  });
});

function read(test: unknown): FormatReading {
  return readFormat(ctrf, report([test]));
}

function report(tests: readonly unknown[]): string {
  return JSON.stringify({
    reportFormat: 'CTRF',
    results: { tool: { name: 'x' }, summary: { tests: tests.length }, tests },
  });
}
