/**
 * Random histories in which everything goes wrong that can, each repeatable by its seed:
 *
 *     npm run chaos -- tq [--seeds 2000] [--seed 1] [--databases pglite,postgres] [--json]
 *
 * On other databases than PGlite a tenth of the seeds is run. The last line is
 * {"chaos": {"seeds", "committed", "lost", "foreign", "reminders_left", "sweeps"}}: tasks of
 * committed transactions, those of them that nobody handled, tasks that were handled though their
 * transactions were not committed, reminders left over, and the most sweeps that one history needed
 * once nothing went wrong any more.
 */
import { parseArgs } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import { randomInt, systemRandom } from '../src/random.ts';
import type { Database } from '../src/storage/database.ts';
import { fromPglite } from '../src/storage/pglite/database.ts';
import { openPostgres } from '../src/storage/postgres/open.ts';
import { fastSettings, startPostgres } from '../src/testing/postgres-server.ts';
import { tqChaos } from '../src/testing/tq-chaos.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(randomInt(systemRandom, 1_000_000_000)) },
    databases: { type: 'string', default: 'pglite,postgres' },
    json: { type: 'boolean', default: false },
  },
});
const SEED = Number(values.seed);
const SEEDS = Number(values.seeds);
const total = { seeds: 0, committed: 0, lost: 0, foreign: 0, reminders_left: 0, sweeps: 0 };

if (positionals.join() !== 'tq' || !(SEEDS > 0) || !(SEED >= 0)) {
  console.error('usage: npm run chaos -- tq [--seeds N] [--seed N] [--databases pglite,postgres]');
  process.exit(2);
}
const databases = values.databases.split(',');
if (databases.includes('pglite')) await onPglite(SEEDS);
if (databases.includes('postgres')) {
  await onPostgres(databases.length === 1 ? SEEDS : Math.ceil(SEEDS / 10));
}
console.log(JSON.stringify({ chaos: total }));
if (total.lost + total.foreign + total.reminders_left > 0) process.exitCode = 1;

async function onPglite(seeds: number): Promise<void> {
  const instance = await PGlite.create();
  const db = fromPglite(instance, { schema: 'chaos' });
  await db.migrate();
  await rage('pglite', db, seeds);
  await db.close();
  await instance.close();
}

async function onPostgres(seeds: number): Promise<void> {
  const server = await startPostgres({ settings: fastSettings });
  try {
    const db = await openPostgres({ url: server.url, schema: 'chaos' });
    await db.migrate();
    await rage('postgres', db, seeds);
    await db.close();
  } finally {
    await server.stop();
  }
}

async function rage(name: string, db: Database, seeds: number): Promise<void> {
  const startedAt = performance.now();
  for (let seed = SEED; seed < SEED + seeds; seed++) {
    const { committed, lost, foreign, remindersLeft, sweeps } = await tqChaos(db, seed);
    total.seeds += 1;
    total.committed += committed;
    total.lost += lost.length;
    total.foreign += foreign.length;
    total.reminders_left += remindersLeft;
    total.sweeps = Math.max(total.sweeps, sweeps);
    if (lost.length + foreign.length + remindersLeft > 0) {
      console.error(`seed ${seed}: ${JSON.stringify({ lost, foreign, remindersLeft })}`);
      console.error(`again: npm run chaos -- tq --databases ${name} --seeds 1 --seed ${seed}`);
    }
  }
  if (values.json) return;
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  console.log(`${name}: ${seeds} histories, seeds from ${SEED}, ${seconds} s`);
}
