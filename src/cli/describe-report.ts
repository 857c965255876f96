/** What was understood of reports, in words for people. */
import type { Counts, Problem } from '../ingest/report.ts';

export function describeCounts(counts: Counts): string {
  const { tests, passed, failed, errored, skipped, flaky, otherFailures } = counts;
  const words = `${tests} tests: ${passed} passed, ${failed} failed, ${errored} errored, ${skipped} skipped; ${flaky} flaky`;
  return otherFailures === 0 ? words : `${words}; ${otherFailures} failures outside of tests`;
}

/** `file:line: message`, as compilers have it. */
export function describeProblem({ file, line, message }: Problem): string {
  return `${file}:${line}: ${message}`;
}
