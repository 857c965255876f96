import { describe, expect, it } from 'vitest';
import { type FormatReading, readFormat } from '../../../test/support/reports/read-format.ts';
import { tap } from './tap.ts';

describe('TAP', () => {
  it('reports points that the plan promised and that are missing', () => {
    const reading = read('1..3', 'ok 1 - a');
    expect(reading.errors).toEqual(['1: the plan says 3 points, but there are 1']);
    expect(reading.outcomes).toEqual(['a: pass']);
    expect(reading.others).toEqual(['plan: abort']);
  });

  it('reports a stream that ends without a plan', () => {
    const reading = read('ok 1 - a');
    expect(reading.errors).toEqual(['1: there is no plan: the file was cut, or the run died']);
    expect(reading.others).toEqual(['plan: abort']);
  });

  it('reads several streams in one file, each with its own plan', () => {
    const reading = read(
      ...['TAP version 13', '1..1', 'ok 1 - a'],
      ...['TAP version 13', 'ok 1 - b', 'not ok 2 - c', '1..2'],
      ...['TAP version 13', '1..3', 'ok 1 - d'],
    );
    expect(reading.outcomes).toEqual(['a: pass', 'b: pass', 'c: fail', 'd: pass']);
    expect(reading.errors).toEqual(['9: the plan says 3 points, but there are 1']);
  });

  it('reports a second plan', () => {
    expect(read('1..1', 'ok 1 - a', '1..1').errors).toEqual(['3: a second plan']);
  });

  it('reports a diagnostic block that is cut', () => {
    const reading = read('1..1', 'not ok 1 - a', '  ---', '  message: half');
    expect(reading.errors).toEqual(['4: the file ends in the middle of a diagnostic block']);
    expect(reading.outcomes).toEqual(['a: fail']);
  });

  it('goes on after a diagnostic block that was left open', () => {
    const reading = read('1..2', 'not ok 1 - a', '  ---', '  message: open', 'ok 2 - b');
    expect(reading.outcomes).toEqual(['a: fail', 'b: pass']);
    expect(reading.warnings).toEqual(['5: a diagnostic block was not closed']);
  });

  it('takes a bail-out as a failure that is not a test, and asks for no more points', () => {
    const reading = read('1..4', 'ok 1 - a', 'Bail out! no database');
    expect(reading.others).toEqual(['Bail out!: abort']);
    expect(reading.warnings).toEqual(['3: the run bailed out: no database']);
    expect(reading.errors).toEqual([]);
  });

  it('reads a stream that is skipped as a whole', () => {
    expect(read('1..0 # SKIP not here')).toMatchObject({ outcomes: [], others: [], errors: [] });
  });

  it.each([
    ['ok 1 - a # SKIP', 'skip'],
    ['not ok 1 - a # SKIP', 'skip'],
    ['not ok 1 - a # TODO later', 'skip'],
    ['ok 1 - a # TODO later', 'pass'],
    ['ok 1 - a', 'pass'],
    ['not ok 1 - a', 'fail'],
  ])('reads %j as %s', (line, outcome) => {
    expect(read('1..1', line).outcomes).toEqual([`a: ${outcome}`]);
  });

  it('takes output between the points as noise', () => {
    const reading = read('hello', '1..1', 'okay then', 'ok 1 - a', '}', 'pragma +strict');
    expect(reading.outcomes).toEqual(['a: pass']);
    expect(reading.warnings).toEqual([]);
  });

  it('names points without a description by their number', () => {
    expect(read('1..2', 'ok', 'not ok 2').outcomes).toEqual(['point 1: pass', 'point 2: fail']);
  });

  it('counts a subtest once, and names its failed points in its summary', () => {
    const reading = read(
      '# Subtest: outer',
      '    # Subtest: inner',
      '        ok 1 - fine',
      '        not ok 2 - broken',
      '        1..2',
      '    not ok 1 - inner',
      '    not ok 2 - unwritten # TODO',
      '    1..2',
      'not ok 1 - outer',
      'ok 2 - after',
      '1..2',
    );
    expect(reading.outcomes).toEqual(['outer: fail', 'after: pass']);
    expect(reading.executions[0]?.summary).toBe('not ok: inner\nnot ok: broken');
  });

  it("says of tape's assertions which test they stand in", () => {
    const reading = read('# first', 'ok 1 equal', '# second', 'not ok 2 equal', '1..2');
    expect(reading.outcomes).toEqual(['first > equal: pass', 'second > equal: fail']);
    expect(reading.dialect).toBe('tape');
  });

  it('reads the diagnostic block of a failure', () => {
    const reading = read(
      '1..1',
      'not ok 1 - a',
      '  ---',
      '  duration_ms: 12.5',
      "  location: 'a.test.js:7:3'",
      '  error: |-',
      '    not equal',
      '',
      '    ok 5 - only text',
      '  stack: "at a\\nat b"',
      '  ...',
    );
    expect(reading.executions[0]).toMatchObject({
      durationMs: 12.5,
      location: { file: 'a.test.js', line: 7 },
      summary: 'not equal\n\nok 5 - only text\nat a\nat b',
    });
  });

  it('reads a block without a message as a whole', () => {
    const reading = read(
      '1..1',
      'not ok 1 a',
      '  ---',
      '    operator: fail',
      '    at: x (f.js:1:2)',
      '  ...',
    );
    expect(reading.executions[0]?.summary).toBe('operator: fail\n  at: x (f.js:1:2)');
  });

  describe('of node:test', () => {
    it('counts tests at every depth, and no suites', () => {
      const reading = read(
        '# Subtest: suite',
        '    # Subtest: nested',
        ...point('    ok 1 - nested', 'test'),
        '    1..1',
        ...point('ok 1 - suite', 'suite'),
        '1..1',
      );
      expect(reading.outcomes).toEqual(['suite > nested: pass']);
      expect(reading.dialect).toBe('node-test');
    });

    it('takes a suite whose hook broke as a failure that is not a test', () => {
      const reading = read(
        '# Subtest: suite',
        '    # Subtest: cut',
        ...point('    not ok 1 - cut', 'test', 'cancelledByParent'),
        ...point('not ok 1 - suite', 'suite', 'hookFailed'),
        '1..1',
      );
      expect(reading.outcomes).toEqual(['suite > cut: abort']);
      expect(reading.others).toEqual(['suite > hookFailed: crash']);
    });

    it('takes no suite that failed only because of its tests', () => {
      const reading = read(...point('not ok 1 - suite', 'suite', 'subtestsFailed'), '1..1');
      expect(reading.others).toEqual([]);
    });

    it.each(['ok 1 - a # TODO', 'not ok 1 - a # TODO'])('counts %j as skipped', (line) => {
      expect(read(...point(line, 'test'), '1..1').outcomes).toEqual(['a: skip']);
    });
  });

  it('reads any depth of nesting, and the same in chunks of any size', () => {
    const lines = Array.from({ length: 300 }, (_, depth) => `${'    '.repeat(depth)}# Subtest: s`);
    const text = `${lines.join('\n')}\n${'    '.repeat(300)}not ok 1 - deep\nnot ok 1 - s\n1..1\n`;
    expect(readFormat(tap, text).outcomes).toEqual(['s: fail']);
    for (const size of [1, 1000])
      expect(readFormat(tap, text, size)).toEqual(readFormat(tap, text));
  });

  it.each([
    ['a version', 'TAP version 14\n', true],
    ['a plan after noise', '> npm test\n\n1..4\n', true],
    ['a point', 'ok 1 - a\n', true],
    ['XML that prints TAP', '<testsuites>\nok 1 - a\n', false],
    ['a log', 'npm ERR! Test failed.\nok then\n', false],
  ])('recognizes %s by content', (_, text, expected) => {
    expect(tap.detect(text)).toBe(expected);
  });
});

function read(...lines: readonly string[]): FormatReading {
  return readFormat(tap, lines.map((line) => `${line}\n`).join(''));
}

/** Builds a point as node:test writes it. */
function point(line: string, type: string, failureType?: string): string[] {
  const [indent] = /^ */.exec(line) ?? [];
  const failure = failureType === undefined ? [] : [`failureType: '${failureType}'`];
  const diagnostic = ['---', 'duration_ms: 1', `type: '${type}'`, ...failure, '...'];
  return [line, ...diagnostic.map((text) => `${indent}  ${text}`)];
}
