import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFormat } from '../../test/support/reports/read-format.ts';
import { ctrf } from './json/ctrf.ts';
import { goTestJson } from './json/go-test-json.ts';
import { googleTestJson } from './json/googletest-json.ts';
import { jestJson } from './json/jest-json.ts';
import { playwrightJson } from './json/playwright-json.ts';
import { ReportDamage, type ReportFormat } from './report.ts';
import { tap } from './tap/tap.ts';

const REPORTS = join(import.meta.dirname, '../../test/fixtures/reports');

describe('a report that was cut', () => {
  it.each([
    ['node-test/tap/report.tap', tap, '\n1..'],
    ['tape/outcomes/report.tap', tap, '\n1..'],
    ['prove/outcomes/01-outcomes.tap', tap, '\n1..11'],
    ['ctrf/vitest/ctrf-report.json', ctrf, '\n}'],
    ['googletest/json/report.json', googleTestJson, '\n}'],
    ['jest/json/report.json', jestJson, '}'],
    ['vitest/json/report.json', jestJson, '}'],
    ['playwright/outcomes/report.json', playwrightJson, '\n}'],
    // A stream of several packages may end after any of them, so this one has one package.
    ['go-test/clean-package', goTestJson, '"pass","Package":"p"}'],
  ])('never looks whole: %s', (file, format, lastSign) => {
    const text = textOf(file);
    const end = text.lastIndexOf(lastSign);
    expect(isTold(format, text)).toBe(false);
    for (let at = 0; at < end; at += 1 + Math.floor(end / 400)) {
      expect(isTold(format, text.slice(0, at)), `cut after ${at} characters`).toBe(true);
    }
  });
});

function textOf(file: string): string {
  if (file !== 'go-test/clean-package') return readFileSync(join(REPORTS, file), 'utf8');
  const events = ['run', 'output', 'pass'].map((action) => ({ Action: action, Test: 'TestA' }));
  return [{ Action: 'start' }, ...events, { Action: 'pass' }]
    .map((event) => `${JSON.stringify({ ...event, Package: 'p' })}\n`)
    .join('');
}

/** True if the reader rejects the file or says that results are missing. */
function isTold(format: ReportFormat, text: string): boolean {
  try {
    return readFormat(format, text).errors.length > 0;
  } catch (error) {
    if (error instanceof ReportDamage) return true;
    throw error;
  }
}
