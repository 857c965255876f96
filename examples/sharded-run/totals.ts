/** Reads the runners' own totals from what they print, to compare ours with them. */

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** `runner` is the name that the shards use. A todo of node:test counts as skipped. */
export function runnersOwnTotals(runner: string, output: string): Totals {
  const number = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? 0);
  const lines = (pattern: RegExp): number => output.match(pattern)?.length ?? 0;
  if (runner === 'node:test') {
    return {
      passed: number(/^ℹ pass (\d+)/m),
      failed: number(/^ℹ fail (\d+)/m),
      skipped: number(/^ℹ skipped (\d+)/m) + number(/^ℹ todo (\d+)/m),
    };
  }
  if (runner === 'Vitest') {
    const line = /^\s*Tests\s+(.*)$/m.exec(output)?.[1] ?? '';
    const part = (word: string): number =>
      Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);
    return { passed: part('passed'), failed: part('failed'), skipped: part('skipped') };
  }
  // The totals come last. A job that was cancelled prints none, only a line for each test.
  return {
    passed: lines(/^ok (?!.* # SKIP)/gm),
    failed: lines(/^not ok /gm),
    skipped: lines(/^ok .* # SKIP/gm),
  };
}

export function addTotals(all: readonly Totals[]): Totals {
  const sum = (pick: (totals: Totals) => number): number =>
    all.reduce((total, one) => total + pick(one), 0);
  return {
    passed: sum((one) => one.passed),
    failed: sum((one) => one.failed),
    skipped: sum((one) => one.skipped),
  };
}

export function describeTotals({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Throws if two totals differ in any number. */
export function requireSame(theirs: Totals, ours: Totals): void {
  const [said, stored] = [describeTotals(theirs), describeTotals(ours)];
  if (said === stored) return;
  throw new Error(
    `the totals differ, which must never happen: runners ${said}; warehouse ${stored}`,
  );
}
