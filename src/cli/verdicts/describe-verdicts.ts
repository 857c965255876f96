/** Describes the verdicts of a run in words for users. */
import type { TestResult } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { countOf } from '../terminal/count.ts';
import type { Output } from '../terminal/output.ts';
import type { Assessment, TestGroup } from './assessment.ts';
import { describeAttempt, describeHolder, failureLine, holderOf, nameOf } from './results.ts';
import type { VerdictCounts } from './verdicts.ts';

/** Returns `9 tests (12 results): 5 expected, 1 unexpected, 1 flaky, 0 exonerated, 2 skipped`. */
export function describeVerdicts({
  counts,
  results,
}: Pick<Assessment, 'counts' | 'results'>): string {
  const { exonerated, expected, flaky, skipped, unexpected } = counts;
  const each = `${expected} expected, ${unexpected} unexpected, ${flaky} flaky, ${exonerated} exonerated, ${skipped} skipped`;
  return `${countOf(testsOf(counts), 'test')} (${countOf(results, 'result')}): ${each}`;
}

export function testsOf(counts: VerdictCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Returns the name of the test, with its attempts on the lines below. */
export function describeTest(output: Output, { attempts }: TestGroup): string[] {
  const [first] = attempts;
  if (first === undefined) return [];
  const lines = attempts.flatMap((result) => describeAttempt(output, result));
  return [nameOf(first), ...lines.map((line) => `  ${line}`)];
}

/** Returns, for example, `shard-3: postlude/command: the command was killed by SIGKILL`. */
export function describeProblemResult(result: TestResult): string {
  const line = failureLine(result) || firstLineOfHtml(result.summaryHtml);
  return [describeHolder(holderOf(result)), result.testId, line]
    .filter((part) => part !== '')
    .join(': ');
}

const REFERENCES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&amp;': '&',
};

/** Reads the HTML that postlude itself writes, which is text in one element. */
function firstLineOfHtml(html: string): string {
  const text = html.replaceAll(/<[^<>]*>/g, '');
  return (text.trim().split('\n')[0] ?? '').replaceAll(
    /&(?:lt|gt|quot|#39|amp);/g,
    (reference) => REFERENCES[reference] ?? reference,
  );
}
