import { describe, expect, it } from 'vitest';
import { type FormatReading, readFormat } from '../../../test/support/reports/read-format.ts';
import { ReportDamage } from '../report.ts';
import { googleTestJson } from './googletest-json.ts';

const PASSED = { name: 'A', status: 'RUN', result: 'COMPLETED', classname: 'Suite', time: '0s' };

describe("GoogleTest's JSON", () => {
  it('refuses a file that is cut', () => {
    expect(() => readFormat(googleTestJson, report([PASSED]).slice(0, -2))).toThrow(ReportDamage);
  });

  it.each([
    [
      'no name',
      { ...PASSED, name: 3 },
      'an entry of the suite Suite is not a test: it has no name',
    ],
    ['an unknown result', { ...PASSED, result: 'ODD' }, 'the test A has the status "RUN ODD"'],
  ])('tells of a test with %s, and reads the others', (_, bad, message) => {
    const reading = read(bad, PASSED);
    expect(reading.errors).toEqual([`1: ${message}`]);
    expect(reading.outcomes).toEqual(['Suite > A: pass']);
  });

  it('reports a file without suites', () => {
    expect(readFormat(googleTestJson, '{"tests":0}').errors).toHaveLength(1);
  });

  it('takes several failures as one failed test', () => {
    const failures = [
      { failure: 'first', type: '' },
      { failure: 'second', type: '' },
    ];
    const reading = read({ ...PASSED, failures });
    expect(reading.outcomes).toEqual(['Suite > A: fail']);
    expect(reading.executions[0]?.summary).toBe('first\n\nsecond');
  });

  it.each([
    ['disabled', { status: 'NOTRUN', result: 'SUPPRESSED' }],
    ['skipped', { status: 'RUN', result: 'SKIPPED' }],
  ])('takes a %s test as skipped', (_, fields) => {
    expect(read({ ...PASSED, ...fields }).outcomes).toEqual(['Suite > A: skip']);
  });

  it('takes a failed set-up of a suite as a failure that is not a test', () => {
    const reading = read({ ...PASSED, name: '', failures: [{ failure: 'no database' }] });
    expect(reading.outcomes).toEqual([]);
    expect(reading.others).toEqual(['Suite > SetUpTestSuite or TearDownTestSuite: crash']);
  });

  it('keeps place, time, parameters and recorded properties', () => {
    const reading = read({
      ...PASSED,
      file: 'a.cc',
      line: 7,
      time: '1.25s',
      timestamp: '2026-01-02T03:04:05Z',
      value_param: '3',
      owner: 'team',
    });
    expect(reading.executions[0]).toMatchObject({
      durationMs: 1250,
      startTimeMs: Date.UTC(2026, 0, 2, 3, 4, 5),
      location: { file: 'a.cc', line: 7 },
      tags: [
        ['value_param', '3'],
        ['owner', 'team'],
      ],
    });
  });

  it.each([
    ['bytes of UTF-8', 'Ã¼nÃ¯', 'ünï'],
    ['text that is no bytes', '日本語 Ã¼', '日本語 Ã¼'],
    ['plain Latin letters', 'ünï', 'ünï'],
  ])('reads names that are %s', (_, written, meant) => {
    expect(read({ ...PASSED, name: written }).executions[0]?.name).toBe(meant);
  });

  it('reads the same in chunks of any size', () => {
    const text = report([PASSED, { ...PASSED, name: 'B' }]);
    for (const size of [1, 5]) {
      expect(readFormat(googleTestJson, text, size)).toEqual(readFormat(googleTestJson, text));
    }
  });
});

function read(...tests: readonly unknown[]): FormatReading {
  return readFormat(googleTestJson, report(tests));
}

function report(tests: readonly unknown[]): string {
  return JSON.stringify({ tests: 1, testsuites: [{ name: 'Suite', testsuite: tests }] });
}
