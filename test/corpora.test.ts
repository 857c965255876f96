import { join } from 'node:path';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { type Comparison, compareAll, corporaFolder, NO_CORPORA } from './corpora.ts';
import { EXPLAINED } from './corpora-explained.ts';

const folder = corporaFolder();

test('shared reports that are missing may be skipped at home, and are an error in CI', () => {
  const nowhere = join(import.meta.dirname, 'nowhere');
  expect(corporaFolder({}, nowhere)).toBe(undefined);
  expect(() => corporaFolder({ CI: 'true' }, nowhere)).toThrow('name their folder in CORPORA');
  expect(() => corporaFolder({ CORPORA: nowhere })).toThrow(nowhere);
  expect(corporaFolder({ CI: 'true', CORPORA: import.meta.dirname })).toBe(import.meta.dirname);
});

// This name tells that they are skipped, in the summary of every run.
const name = folder ? 'the shared reports' : `SKIPPED: ${NO_CORPORA}`;

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
