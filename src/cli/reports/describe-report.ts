/** Describes what was read from reports, in words for users. */
import type { Counts, Problem } from '../../ingest/report.ts';
import { countOf } from '../terminal/count.ts';

export function describeCounts(counts: Counts): string {
  const { tests, passed, failed, errored, skipped, flaky, otherFailures } = counts;
  const words = `${countOf(tests, 'test')}: ${passed} passed, ${failed} failed, ${errored} errored, ${skipped} skipped; ${flaky} flaky`;
  return otherFailures === 0
    ? words
    : `${words}; ${countOf(otherFailures, 'failure')} outside of tests`;
}

/** Returns `file:line: message`, as compilers print it. */
export function describeProblem({ file, line, message }: Problem): string {
  return `${file}:${line}: ${message}`;
}
