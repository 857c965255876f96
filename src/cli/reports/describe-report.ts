/** What was understood of reports, in words for people. */
import type { Counts, Problem } from '../../ingest/report.ts';
import { countOf } from '../terminal/count.ts';

export function describeCounts(counts: Counts): string {
  const { tests, passed, failed, errored, skipped, flaky, otherFailures } = counts;
  const words = `${countOf(tests, 'test')}: ${passed} passed, ${failed} failed, ${errored} errored, ${skipped} skipped; ${flaky} flaky`;
  return otherFailures === 0
    ? words
    : `${words}; ${countOf(otherFailures, 'failure')} outside of tests`;
}

/** `file:line: message`, as compilers have it. */
export function describeProblem({ file, line, message }: Problem): string {
  return `${file}:${line}: ${message}`;
}
