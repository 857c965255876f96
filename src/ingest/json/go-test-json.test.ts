import { describe, expect, it } from 'vitest';
import { type FormatReading, readFormat } from '../../../test/support/reports/read-format.ts';
import { goTestJson } from './go-test-json.ts';

describe('go test -json', () => {
  it('reports a stream that was cut, and aborts the running tests', () => {
    const reading = read(
      event('start', ''),
      event('run', 'TestA'),
      event('output', 'TestA', { Output: 'waiting\n' }),
    );
    expect(reading.errors).toEqual(['1: package p has no end in this stream']);
    expect(reading.outcomes).toEqual(['p > TestA: abort']);
    expect(reading.others).toEqual(['p: abort']);
  });

  it('reports a package that starts again without having ended', () => {
    const start = event('start', '');
    const reading = read(start, event('run', 'TestA'), start, event('pass', ''));
    expect(reading.errors).toEqual(['1: package p has no end in this stream']);
    expect(reading.outcomes).toEqual(['p > TestA: abort']);
  });

  it('reports a damaged event with its line', () => {
    const reading = read(
      event('run', 'TestA'),
      event('pass', 'TestA'),
      event('pass', '').slice(0, -4),
    );
    expect(reading.errors[0]).toContain('3: an event of go test is damaged: {"Action":"pass"');
    expect(reading.outcomes).toEqual(['p > TestA: pass']);
  });

  it('says of a damaged last line that the file was cut there', () => {
    const text = `${event('pass', 'TestA')}\n${event('pass', '').slice(0, 20)}`;
    expect(readFormat(goTestJson, text).errors[0]).toContain('2: an event of go test was cut off');
  });

  it('counts lines that are not events as noise, in one warning', () => {
    const reading = read('go: downloading x', '# p', event('pass', ''), 'null', '{"a":1}', '');
    expect(reading.warnings).toEqual(['1: lines that are not events of go test: 4, from here on']);
    expect(reading.errors).toEqual([]);
  });

  it('aborts a test that has not ended when its package ends', () => {
    const reading = read(
      event('run', 'TestHangs'),
      event('output', '', { Output: 'panic: test timed out after 2s\n' }),
      event('fail', ''),
    );
    expect(reading.outcomes).toEqual(['p > TestHangs: abort']);
    expect(reading.others).toEqual([]);
    expect(reading.executions[0]?.summary).toContain('never ended');
  });

  it('takes a package that fails without a failing test as a failure that is not a test', () => {
    const reading = read(
      event('pass', 'TestA'),
      event('output', '', { Output: 'no database\n' }),
      event('fail', ''),
    );
    expect(reading.others).toEqual(['p: crash']);
    expect(reading.executions[1]?.summary).toBe('no database');
  });

  it('shows what the compiler printed for a package that did not build', () => {
    const reading = read(
      '{"ImportPath":"p [p.test]","Action":"build-output","Output":"x.go:5: n declared\\n"}',
      '{"ImportPath":"p [p.test]","Action":"build-fail"}',
      event('output', '', { Output: 'FAIL\tp [build failed]\n' }),
      event('fail', '', { FailedBuild: 'p [p.test]' }),
    );
    expect(reading.executions.map(({ summary }) => summary)).toEqual([
      'x.go:5: n declared\nFAIL\tp [build failed]',
    ]);
  });

  it('takes a package that starts again as a rerun, and so its tests as attempts', () => {
    const run = (outcome: string): string[] => [
      event('start', ''),
      event('run', 'TestA'),
      event(outcome, 'TestA'),
      event(outcome, ''),
    ];
    const reading = read(...run('fail'), ...run('pass'));
    expect(reading.outcomes).toEqual(['p > TestA: fail', 'p > TestA: pass (2)']);
    expect(reading.errors).toEqual([]);
  });

  it('does not take a repetition (-count) as an attempt', () => {
    const once = (outcome: string): string[] => [event('run', 'TestA'), event(outcome, 'TestA')];
    const reading = read(event('start', ''), ...once('fail'), ...once('pass'), event('fail', ''));
    expect(reading.outcomes).toEqual(['p > TestA: fail', 'p > TestA: pass']);
  });

  it('counts the parent of subtests as a test, and keeps parallel packages apart', () => {
    const other = { Package: 'q' };
    const reading = read(
      event('run', 'TestA'),
      event('run', 'TestA', other),
      event('run', 'TestA/sub'),
      event('pass', 'TestA', other),
      event('fail', 'TestA/sub'),
      event('fail', 'TestA'),
      event('pass', '', other),
      event('fail', ''),
    );
    expect(reading.outcomes).toEqual(['q > TestA: pass', 'p > TestA/sub: fail', 'p > TestA: fail']);
  });

  it('keeps time, duration, attributes and output, without the marks of go test', () => {
    const reading = read(
      event('run', 'TestA', { Time: '2026-01-02T03:04:05.5Z' }),
      event('output', 'TestA', { Output: '=== RUN   TestA\n' }),
      event('output', 'TestA', { Output: '    a_test.go:7: not equal\n' }),
      event('output', 'TestA', { Output: '--- FAIL: TestA (0.25s)\n' }),
      event('attr', 'TestA', { Key: 'owner', Value: 'team' }),
      event('fail', 'TestA', { Elapsed: 0.25 }),
      event('fail', ''),
    );
    expect(reading.executions[0]).toMatchObject({
      startTimeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 500),
      durationMs: 250,
      summary: 'a_test.go:7: not equal',
      tags: [['owner', 'team']],
      line: 1,
    });
  });

  it('keeps only the beginning of a long output, and says so', () => {
    const long = Array.from({ length: 50 }, () =>
      event('output', 'TestA', { Output: 'x'.repeat(1000) }),
    );
    const reading = read(event('run', 'TestA'), ...long, event('fail', 'TestA'), event('fail', ''));
    expect(reading.executions[0]?.summary).toMatch(
      /^x{2048}\n… \(45904 characters left out\) …\nx{2048}$/,
    );
  });

  it('reads the same in chunks of any size', () => {
    const text = `noise\n${event('run', 'TestÄ')}\r\n${event('fail', 'TestÄ')}\n${event('fail', '')}`;
    for (const size of [1, 2, 7, 1000]) {
      expect(readFormat(goTestJson, text, size)).toEqual(readFormat(goTestJson, text));
    }
  });

  it.each([
    ['events', event('start', ''), true],
    ['events after noise', `go: downloading x\n${event('start', '')}`, true],
    ['another JSON', '{"results":{}}', false],
    ['a log', 'Action: run', false],
  ])('recognizes %s by content', (_, text, expected) => {
    expect(goTestJson.detect(text)).toBe(expected);
  });
});

function read(...lines: readonly string[]): FormatReading {
  return readFormat(goTestJson, lines.map((line) => `${line}\n`).join(''));
}

function event(action: string, test: string, fields: Record<string, unknown> = {}): string {
  const named = test === '' ? {} : { Test: test };
  return JSON.stringify({ Action: action, Package: 'p', ...named, ...fields });
}
