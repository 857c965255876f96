import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspect } from './inspect.ts';
import type { Counts } from './report.ts';

const REPORTS = join(import.meta.dirname, '../../test/fixtures/reports');

/** See test/fixtures/README.md. */
interface Expected {
  readonly format: string;
  readonly dialect: string;
  /** The counts as the runner printed them. */
  readonly counts: Omit<Counts, 'otherFailures'>;
  readonly hidden: string;
  readonly file_counts?: Omit<Counts, 'otherFailures'>;
  readonly other_failures: number;
  /** Says why results are missing; empty if none are. */
  readonly incomplete: readonly string[];
}

const cases = globSync('*/*/expected.json', { cwd: REPORTS })
  .map((file) => dirname(file))
  .sort();

describe('the reports of real runners', () => {
  it('are all there', () => {
    expect(cases.length).toBeGreaterThanOrEqual(22);
  });

  it.each(cases)('%s: recognized, and counted as the runner did', async (name) => {
    const expected = expectedOf(name);
    const { problems, ...inspection } = await inspect(filesOf(name));
    expect(inspection).toEqual({
      format: expected.format,
      dialect: expected.dialect,
      counts: {
        ...(expected.file_counts ?? expected.counts),
        otherFailures: expected.other_failures,
      },
      complete: expected.incomplete.length === 0,
    });
    const errors = problems.filter(({ severity }) => severity === 'error');
    expect(errors.map(({ message }) => message)).toEqual(expected.incomplete);
  });

  it.each(cases)('%s: says why if its counts are not the runner’s', (name) => {
    const { counts, file_counts, hidden } = expectedOf(name);
    expect(file_counts).not.toEqual(counts);
    if (file_counts) expect(hidden).not.toBe('');
  });
});

function expectedOf(name: string): Expected {
  return JSON.parse(readFileSync(join(REPORTS, name, 'expected.json'), 'utf8'));
}

function filesOf(name: string): string[] {
  const folder = join(REPORTS, name);
  const files = globSync('*', { cwd: folder }).filter((file) => file !== 'expected.json');
  return files.sort().map((file) => join(folder, file));
}
