/** A slice of `npm run scenarios`, which runs all on every database. */
import { expect, onTestFinished, test } from 'vitest';
import { SCENARIOS, Stage } from './scenarios.ts';

const SLICE = ['shard-lost', 'retried-unfinished', 'cancelled-by-sigterm', 'rerun-of-failed-jobs'];

test('pipelines with a lost, a killed, a cancelled and a repeated shard come out as they were', async () => {
  const scenarios = SCENARIOS.filter(({ name }) => SLICE.includes(name));
  expect(scenarios).toHaveLength(SLICE.length);
  const stage = await Stage.open('pglite');
  onTestFinished(() => stage.close());
  for (const scenario of scenarios) await stage.run(scenario);
});

test('the name of a scenario is an id, and names one', () => {
  const names = SCENARIOS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !/^[a-z][a-z-]*$/.test(name))).toEqual([]);
});
