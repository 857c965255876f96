/**
 * Runs random histories in which everything goes wrong, each repeatable by its seed:
 *
 *     npm run chaos -- tq [--seeds 2000] [--seed 1] [--databases pglite,postgres,spanner] [--json]
 *
 * Spanner's emulator takes part if it is named. If there are several databases, those other than PGlite run
 * a tenth of the seeds. It fails if a history breaks a promise, one of which is the bound of sweeps, or if
 * no task was committed at all. The last line is
 * {"chaos": {"seeds", "committed", "lost", "foreign", "reminders_left", "sweeps"}}: the tasks of
 * committed transactions, those of them that were never handled, tasks that were handled although their
 * transactions were not committed, reminders left over, and the most sweeps that one history needed
 * after the last fault.
 */
import { PGlite } from '@electric-sql/pglite';
import { randomInt, systemRandom } from '@postlude/queue/foundations';
import { fromPglite } from '@postlude/queue/pglite';
import { openPostgres } from '@postlude/queue/postgres';
import { openSpanner } from '@postlude/queue/spanner';
import type { Database } from '@postlude/queue/storage';
import { fastSettings, startPostgres } from '../test/support/databases/postgres-server.ts';
import { openSpannerAdmin, testDatabaseUrl } from '../test/support/spanner/spanner-admin.ts';
import { startSpannerEmulator } from '../test/support/spanner/spanner-emulator.ts';
import { SWEEPS_BOUND, tqChaos } from '../test/support/tq/tq-chaos.ts';
import { CommandLine } from './command-line.ts';

const DATABASES = { pglite: onPglite, postgres: onPostgres, spanner: onSpanner };
type DatabaseName = keyof typeof DATABASES;

const line = new CommandLine({
  command: 'npm run chaos',
  names: ['tq'],
  options: {
    seeds: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(randomInt(systemRandom, 1_000_000_000)) },
    databases: { type: 'string', default: 'pglite,postgres' },
    json: { type: 'boolean', default: false },
  },
});
const SEED = line.count('seed', 0);
const SEEDS = line.count('seeds');
const total = { seeds: 0, committed: 0, lost: 0, foreign: 0, reminders_left: 0, sweeps: 0 };

const databases = line.list('databases', Object.keys(DATABASES) as DatabaseName[]);
for (const name of new Set(databases)) {
  const isSample = name !== 'pglite' && databases.length > 1;
  await DATABASES[name](isSample ? Math.ceil(SEEDS / 10) : SEEDS);
}
console.log(JSON.stringify({ chaos: total }));
const isBroken =
  total.lost + total.foreign + total.reminders_left > 0 || total.sweeps > SWEEPS_BOUND;
if (total.committed === 0) console.error('nothing was tried: no task was committed');
if (isBroken || total.committed === 0) process.exitCode = 1;

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

async function onSpanner(seeds: number): Promise<void> {
  const emulator = await startSpannerEmulator();
  if (!emulator)
    throw new Error('this machine has no Spanner emulator: npm run emulators -- --list');
  const emulatorHost = emulator.host;
  const name = `chaos_${SEED}`;
  const admin = await openSpannerAdmin(emulatorHost);
  try {
    await admin.createDatabase(name);
    const db = await openSpanner({ database: testDatabaseUrl(name), emulatorHost });
    await db.migrate();
    await rage('spanner', db, seeds);
    await db.close();
    await admin.dropDatabase(name);
  } finally {
    await admin.close();
    await emulator.stop();
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
    if (lost.length + foreign.length + remindersLeft > 0 || sweeps > SWEEPS_BOUND) {
      console.error(`seed ${seed}: ${JSON.stringify({ lost, foreign, remindersLeft, sweeps })}`);
      console.error(`again: npm run chaos -- tq --databases ${name} --seeds 1 --seed ${seed}`);
    }
  }
  if (line.values.json) return;
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  console.log(`${name}: ${seeds} histories, seeds from ${SEED}, ${seconds} s`);
}
