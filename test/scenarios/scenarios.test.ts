/** Runs a part of `npm run scenarios`, which runs all scenarios on every database. */
import { expect, onTestFinished, test } from 'vitest';
import { SCENARIOS, Stage } from './scenarios.ts';

/** `npm run scenarios` runs the recipes of all CI systems in full. */
const CI_SLICE = ['github-cancelled', 'github-fork'];
const SLICE = [
  'shard-lost',
  'retried-unfinished',
  'cancelled-by-sigterm',
  'rerun-of-failed-jobs',
  'gate-red-by-a-killed-shard',
];

async function run(names: readonly string[]): Promise<void> {
  const scenarios = SCENARIOS.filter(({ name }) => names.includes(name));
  expect(scenarios).toHaveLength(names.length);
  const stage = await Stage.open('pglite');
  onTestFinished(() => stage.close());
  for (const scenario of scenarios) await stage.run(scenario);
}

test('pipelines with a lost, a killed, a cancelled and a repeated shard have the right totals and states', async () => {
  await run(SLICE);
});

test("GitHub's recipe survives cancellation, and a fork without a token", async () => {
  await run(CI_SLICE);
});

test('the name of a scenario is an id, and unique', () => {
  const names = SCENARIOS.map(({ name }) => name);
  expect(names.length).toBeGreaterThanOrEqual(50);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !/^[a-z][a-z-]*$/.test(name))).toEqual([]);
});
