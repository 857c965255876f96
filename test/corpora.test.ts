import { beforeAll, describe, expect, it } from 'vitest';
import { type Comparison, compareAll, corporaFolder } from './corpora.ts';
import { EXPLAINED } from './corpora-explained.ts';

const folder = corporaFolder();

// That they are skipped is told by this name, in the summary of every run.
const name = folder
  ? 'the shared reports'
  : 'the shared reports: SKIPPED, as ../shared/corpora is not there';

describe.skipIf(folder === undefined)(name, () => {
  let comparisons: readonly Comparison[] = [];
  beforeAll(async () => {
    comparisons = await compareAll(folder ?? '');
  });

  it('are understood as their runners counted, or differ for a listed reason', () => {
    expect(comparisons.length).toBeGreaterThanOrEqual(80);
    expect(comparisons.filter(({ verdict }) => verdict === 'wrong')).toEqual([]);
  });

  it('have no reason listed that no difference needs', () => {
    const explained = comparisons.filter(({ verdict }) => verdict === 'explained');
    expect(explained.map((comparison) => comparison.name).sort()).toEqual(
      Object.keys(EXPLAINED).sort(),
    );
  });
});
