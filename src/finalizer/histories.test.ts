/** Checks every order of events in small graphs, and random orders in larger graphs. */

import { randomInt, systemRandom } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../test/support/databases/databases.ts';
import { SqliteDatabase } from '../../test/support/databases/sqlite-database.ts';
import { explore } from '../../test/support/invocations/finalization-explorer.ts';
import {
  FINALIZATION_TABLES,
  FinalizationWorld,
  TIGHT_BOUNDS,
  TRY_WAYS,
} from '../../test/support/invocations/finalization-world.ts';
import { invocationId } from '../../test/support/invocations/fixtures.ts';
import { randomHistory } from '../../test/support/invocations/random-finalization.ts';
import { DEFAULT_BOUNDS } from './bounds.ts';

const [A, B, C] = [invocationId('a'), invocationId('b'), invocationId('c')];

test('all graphs of two invocations keep the guarantees in every order of two workers', async () => {
  const result = await explore({ ids: [A, B], selfInclusions: true, workers: 2 });
  expect(result.violations).toEqual([]);
  expect(result.states).toBeGreaterThan(3_000);
  expect(result.removals).toBeGreaterThan(100);
});

test('graphs of three with two inclusions keep the guarantees in every order', async () => {
  const ids = [A, B, C];
  const result = await explore({ ids, selfInclusions: false, maxInclusions: 2, workers: 1 });
  expect(result.violations).toEqual([]);
  expect(result.states).toBeGreaterThan(4_000);
  expect(result.removals).toBeGreaterThan(500);
});

test.each([
  ['tight bounds', TIGHT_BOUNDS],
  ['room for a group and a part of its cascade', { ...DEFAULT_BOUNDS, cascade: 1 }],
])('servers of two versions beside each other keep the guarantees, with %s', async (_, bounds) => {
  const exploration = { ids: [A, B], selfInclusions: true, workers: 1, bounds };
  const result = await explore({ ...exploration, servers: 'both' });
  expect(result.violations).toEqual([]);
  expect(result.groups).toBeGreaterThan(100);
});

test('random graphs of up to seven keep the guarantees in random orders', async () => {
  const first = randomInt(systemRandom, 1_000_000_000);
  for (let seed = first; seed < first + 150; seed++) {
    const db = new SqliteDatabase(FINALIZATION_TABLES);
    const bounds = seed % 2 === 0 ? TIGHT_BOUNDS : undefined;
    const way = TRY_WAYS[seed % TRY_WAYS.length] ?? 'queue';
    const world = new FinalizationWorld(db, { bounds, way, seed });
    expect(await randomHistory(world, seed)).toEqual([]);
    await db.close();
  }
});

eachDatabase((open, _, { scans }) => {
  const histories = scans ? 2 : 4;

  test('random histories end as they should', async () => {
    const first = randomInt(systemRandom, 1_000_000_000);
    for (let seed = first; seed < first + histories; seed++) {
      const world = new FinalizationWorld(await open(), {
        bounds: TIGHT_BOUNDS,
        way: 'flipping',
        seed,
      });
      expect(await randomHistory(world, seed)).toEqual([]);
    }
  });
});
