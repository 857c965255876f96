/** Random histories of everything that can go wrong. `npm run chaos -- tq` runs many more. */
import { expect, test } from 'vitest';
import { eachDatabase } from '../../../../test/support/databases/databases.ts';
import { withAfterCommit } from '../../../../test/support/tq/chaos-process.ts';
import { type Sabotage, SWEEPS_BOUND, tqChaos } from '../../../../test/support/tq/tq-chaos.ts';
import { randomInt, systemRandom } from '../foundations/random.ts';

const SEEDS = 30;

/** Runs callbacks before the commit that they should follow. */
const hasty: Sabotage = {
  database: (db) => ({
    ...db,
    write: (fn, options) =>
      db.write((tx) => fn(withAfterCommit(tx, (callback) => void callback())), options),
  }),
};

/** Claims to have submitted tasks, and drops them. */
const forgetful: Sabotage = {
  submitter: () => ({ submit: () => Promise.resolve('submitted') }),
};

eachDatabase((open) => {
  test('all tasks of committed transactions are handled, and no others; no reminder is left', async () => {
    const db = await open();
    const first = randomInt(systemRandom, 1_000_000_000);
    for (let seed = first; seed < first + SEEDS; seed++) {
      const { lost, foreign, remindersLeft, sweeps } = await tqChaos(db, seed);
      const found = { seed, lost, foreign, remindersLeft };
      expect(found).toEqual({ seed, lost: [], foreign: [], remindersLeft: 0 });
      expect(sweeps, `seed ${seed}`).toBeLessThanOrEqual(SWEEPS_BOUND);
    }
  });

  test('a seed repeats its history exactly', async () => {
    const db = await open();
    const first = await tqChaos(db, 7);
    expect(first.trace.length).toBeGreaterThan(50);
    expect(await tqChaos(db, 7)).toEqual(first);
  });

  test.each([
    ['tasks of transactions that fail', hasty, 'foreign'],
    ['tasks that are lost', forgetful, 'lost'],
  ] as const)('finds %s', async (_, sabotage, found) => {
    const db = await open();
    const problems: string[] = [];
    for (let seed = 1; seed <= 5; seed++) {
      problems.push(...(await tqChaos(db, seed, sabotage))[found]);
    }
    expect(problems).not.toEqual([]);
  });
});
