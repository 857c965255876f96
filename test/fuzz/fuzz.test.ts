/** A slice of each campaign, and everything that campaigns have found. */
import { describe, expect, test } from 'vitest';
import { readCorpus, readFinds } from './engine/files.ts';
import { Inputs } from './engine/inputs.ts';
import { brokenPromise } from './engine/trial.ts';
import { TARGETS } from './targets/targets.ts';

const SEED = 20_261_201;
const INPUTS = 200;

describe.each(TARGETS)('$name', (target) => {
  const corpus = readCorpus(target.name);

  test('keeps its promises about examples and finds', async () => {
    expect(corpus.length).toBeGreaterThan(0);
    for (const { path, bytes } of [...corpus, ...readFinds(target.name)]) {
      expect(await brokenPromise(target, bytes), path).toBeUndefined();
    }
  });

  test(`keeps its promises about ${INPUTS} inputs`, async () => {
    const inputs = new Inputs(
      target,
      corpus.map(({ bytes }) => bytes),
    );
    for (let index = 0; index < INPUTS; index++) {
      const broken = await brokenPromise(target, inputs.of(SEED, index));
      const again = `npm run fuzz -- ${target.name} --seed ${SEED} --from ${index} --inputs 1`;
      expect(broken, again).toBeUndefined();
    }
  });
});
