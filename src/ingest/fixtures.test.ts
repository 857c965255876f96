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
  /** As the runner printed them. */
  readonly counts: Counts;
  readonly hidden: string;
  readonly file_counts?: Counts;
  /** What is wrong with the run, as far as the files tell: no problem without. */
  readonly problems?: readonly string[];
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
    const inspection = await inspect(filesOf(name));
    expect({ ...inspection, problems: inspection.problems.map(({ message }) => message) }).toEqual({
      format: expected.format,
      dialect: expected.dialect,
      counts: expected.file_counts ?? expected.counts,
      problems: expected.problems ?? [],
      complete: expected.problems === undefined,
    });
  });

  it.each(cases)('%s: says why, where its counts are not the runner’s', (name) => {
    const { counts, file_counts, hidden } = expectedOf(name);
    if (file_counts) expect(file_counts).not.toEqual(counts);
    expect(hidden !== '').toBe(file_counts !== undefined);
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
