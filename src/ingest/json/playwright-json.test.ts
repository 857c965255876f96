import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFormat } from '../../../test/support/reports/read-format.ts';
import { playwrightJson } from './playwright-json.ts';

const REPORT = join(
  import.meta.dirname,
  '../../../test/fixtures/reports/playwright/outcomes/report.json',
);

describe('the JSON of Playwright', () => {
  it('names tests by their file and blocks, and has the project in the variant', () => {
    const { executions } = readFormat(playwrightJson, readFileSync(REPORT, 'utf8'));
    const inBlock = executions.filter(({ name }) => name.startsWith('passes in a block'));
    expect(inBlock).toMatchObject([
      {
        suite: ['outcomes.spec.mjs', 'a block', 'a block inside'],
        variant: { project: 'first' },
        tags: [
          ['tag', 'slow'],
          ['owner', 'team-cart'],
        ],
        location: { file: expect.stringMatching(/tests\/outcomes.spec.mjs$/), line: 14 },
      },
    ]);
  });

  it('keeps what a test writes and attaches', () => {
    const { executions } = readFormat(playwrightJson, readFileSync(REPORT, 'utf8'));
    expect(executions.find(({ name }) => name === 'attaches and prints')).toMatchObject({
      output: [
        { name: 'stdout', text: 'said on standard output' },
        { name: 'stderr', text: 'said on standard error' },
      ],
      tags: [
        ['attachment', 'notes text/plain'],
        ['attachment', 'data.json application/json'],
      ],
    });
  });

  it('reads the message of a failure', () => {
    const { executions } = read({
      expectedStatus: 'passed',
      results: [failed('first'), failed('last')],
    });
    expect(executions.map(({ errorMessage }) => errorMessage)).toEqual(['first', 'last']);
  });

  it.each([
    ['passed', ['passed'], ['pass']],
    ['passed', ['failed', 'passed'], ['fail', 'pass (2)']],
    ['passed', ['timedOut', 'interrupted'], ['abort', 'abort (2)']],
    ['failed', ['failed'], ['pass']],
    ['failed', ['passed'], ['fail']],
    ['failed', ['timedOut'], ['abort']],
    ['skipped', ['skipped'], ['skip']],
    ['passed', ['skipped', 'skipped'], ['skip']],
    ['passed', [], ['skip']],
  ])('reads, where %s is expected, %j', (expectedStatus, statuses, outcomes) => {
    const results = statuses.map((status) => ({ status }));
    const told = outcomes.map((outcome) => `f > t: ${outcome}`);
    expect(read({ expectedStatus, results }).outcomes).toEqual(told);
  });

  it('takes one test in two projects for two tests', () => {
    const { executions } = readTests([
      { projectName: 'a', results: [{ status: 'passed' }] },
      { projectName: 'b', results: [{ status: 'passed' }] },
    ]);
    expect(executions.map(({ container }) => container)).toEqual([0, 1]);
  });

  it('reports failures outside of tests', () => {
    const text = reportOf([], {
      errors: [{ message: 'no config', location: { file: 'c.ts', line: 3 } }],
    });
    expect(readFormat(playwrightJson, text).executions).toMatchObject([
      {
        isTest: false,
        outcome: 'crash',
        summary: 'no config',
        location: { file: 'c.ts', line: 3 },
      },
    ]);
  });

  it('says that results are missing if it claims more tests', () => {
    const text = reportOf([], { stats: { expected: 2, skipped: 1, unexpected: 0, flaky: 0 } });
    expect(readFormat(playwrightJson, text).errors).toEqual([
      '1: the report says 3 tests, but there are only 0',
    ]);
  });

  it('reports entries that are not tests, and reads the others', () => {
    const { outcomes, errors } = readTests([
      7,
      { results: [{ status: 'odd' }] },
      { results: [{ status: 'passed' }] },
    ]);
    expect(outcomes).toEqual(['f > t: pass']);
    expect(errors).toEqual([
      '1: the test t has an unknown result',
      '1: the test t has an unknown result',
    ]);
  });

  it('refuses blocks that are nested without end', () => {
    const deep = `{"config":{"rootDir":""},"suites":[${'{"suites":['.repeat(5000)}`;
    expect(() => readFormat(playwrightJson, deep)).toThrow(/nest too deep/);
  });

  it.each([
    ['suites', { a: { suites: { suites: [] } } }],
    ['suites', { title: 't' }],
    ['suites', [{ suites: { title: ['t'], suites: [[{}]] } }]],
    ['suites', [{ specs: { specs: [], suites: { a: [1] } } }]],
  ])('an object in place of a list of %s is one wrong value: %j', (_, suites) => {
    const { executions, errors } = readFormat(playwrightJson, JSON.stringify({ suites }));
    expect(executions).toEqual([]);
    expect(errors.length).toBeLessThanOrEqual(2);
  });

  it('reads the same from chunks of any size', () => {
    const text = readFileSync(REPORT, 'utf8');
    expect(readFormat(playwrightJson, text, 1000)).toEqual(readFormat(playwrightJson, text));
  });
});

function failed(message: string) {
  return { status: 'failed', errors: [{ message }] };
}

function read(test: object) {
  return readTests([test]);
}

function readTests(tests: readonly unknown[]) {
  const specs = [{ title: 't', file: 'f', line: 1, tests }];
  return readFormat(playwrightJson, reportOf([{ title: 'f', specs }]));
}

function reportOf(suites: readonly unknown[], more: object = {}): string {
  return JSON.stringify({ config: { rootDir: '/r' }, suites, ...more });
}
