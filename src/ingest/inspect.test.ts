import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeReports } from '../../test/support/reports/report-files.ts';
import { inspect } from './inspect.ts';

const REPORTS = join(import.meta.dirname, '../../test/fixtures/reports');
const reports = globSync('*/*/*.{xml,json,jsonl,tap}', { cwd: REPORTS })
  .filter((file) => !file.endsWith('expected.json'))
  .sort()
  .map((file) => readFileSync(join(REPORTS, file)));

describe('inspect', () => {
  it('always returns: a file with any content is counted, or reported as damaged', async () => {
    const edit = fc.record({ at: fc.nat(), drop: fc.nat(50), insert: fc.uint8Array() });
    const report = fc.constantFrom(...reports);
    await fc.assert(
      fc.asyncProperty(
        report,
        fc.array(edit, { minLength: 1, maxLength: 3 }),
        async (bytes, edits) => {
          const paths = writeReports({ report: edits.reduce(edited, bytes) });
          const { counts, problems, complete } = await inspect(paths);
          const { tests, passed, failed, errored, skipped, flaky } = counts;
          expect(passed + failed + errored + skipped).toBe(tests);
          expect(flaky).toBeLessThanOrEqual(passed);
          expect(complete).toBe(problems.every(({ severity }) => severity === 'warning'));
          for (const problem of problems) expect(problem.line).toBeGreaterThanOrEqual(1);
        },
      ),
      { numRuns: 150 },
    );
  });
});

function edited(
  bytes: Buffer,
  { at, drop, insert }: { at: number; drop: number; insert: Uint8Array },
) {
  const start = at % (bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + drop)]);
}
