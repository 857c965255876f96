/**
 * Explores every graph of up to three invocations in every order of include, finalize and try, with two
 * workers that may stop between any two transactions: tries alone, as an earlier version makes them; in groups
 * and with cascades; and both beside each other. Then it runs random graphs of up to seven invocations
 * in random orders, tried by tasks of the queue, by pushed tasks, and by either: on SQLite in memory, and a
 * sample of them on PGlite and on PostgreSQL.
 *
 *     npm run test:exhaustive [-- --histories 5000 --sample 25 --seed 1]
 *
 * The last line is {"exhaustive": {"runs", "states", "violations"}}: "runs" counts the steps and whole
 * histories that were run on the real code.
 */
import { PGlite } from '@electric-sql/pglite';
import { randomInt, systemRandom } from '@postlude/queue/foundations';
import { fromPglite } from '@postlude/queue/pglite';
import { openPostgres } from '@postlude/queue/postgres';
import type { Database } from '@postlude/queue/storage';
import { POSTLUDE_MIGRATIONS } from '../src/migrations/migrations.ts';
import { fastSettings, startPostgres } from '../test/support/databases/postgres-server.ts';
import { SqliteDatabase } from '../test/support/databases/sqlite-database.ts';
import { type Exploration, explore } from '../test/support/invocations/finalization-explorer.ts';
import {
  FINALIZATION_TABLES,
  FinalizationWorld,
  SERVERS,
  TIGHT_BOUNDS,
  TRY_WAYS,
} from '../test/support/invocations/finalization-world.ts';
import { invocationId } from '../test/support/invocations/fixtures.ts';
import { randomHistory } from '../test/support/invocations/random-finalization.ts';
import { CommandLine } from './command-line.ts';

const line = new CommandLine({
  command: 'npm run test:exhaustive',
  options: {
    histories: { type: 'string', default: '5000' },
    sample: { type: 'string', default: '25' },
    seed: { type: 'string', default: String(randomInt(systemRandom, 1_000_000_000)) },
  },
});
const HISTORIES = line.count('histories', 0);
const SAMPLE = line.count('sample', 0);
const SEED = line.count('seed', 0);
const total = { runs: 0, states: 0, violations: 0 };

for (const servers of SERVERS) {
  // Two versions with two workers each would take days on three invocations.
  const workers = servers === 'earlier' ? 2 : 1;
  for (const count of [1, 2]) await exploreAll({ count, servers, workers: 2 });
  await exploreAll({ count: 3, servers, workers });
}
await runHistories('SQLite', HISTORIES, async (run) => {
  const db = new SqliteDatabase(FINALIZATION_TABLES);
  await run(db);
  await db.close();
});
await samplePglite();
await samplePostgres();
console.log(JSON.stringify({ exhaustive: total }));
if (total.violations > 0) process.exitCode = 1;

interface Graphs extends Required<Pick<Exploration, 'servers' | 'workers'>> {
  /** How many invocations there are. */
  readonly count: number;
}

async function exploreAll({ count, servers, workers }: Graphs): Promise<void> {
  const ids = ['a', 'b', 'c'].slice(0, count).map(invocationId);
  const exploration: Exploration = { ids, selfInclusions: true, servers, workers };
  const startedAt = performance.now();
  const { states, steps, removals, groups, violations } = await explore(exploration);
  total.runs += steps;
  total.states += states;
  report(violations);
  console.log(
    `all graphs of ${count}, servers: ${servers}: ${states} states, ${steps} steps ` +
      `(${removals} removals, ${groups} groups), ` +
      `${violations.length} violations, ${seconds(startedAt)} s`,
  );
}

type Open = (run: (db: Database) => Promise<void>) => Promise<void>;

async function runHistories(name: string, count: number, open: Open): Promise<void> {
  const startedAt = performance.now();
  const before = total.violations;
  for (let seed = SEED; seed < SEED + count; seed++) {
    const bounds = seed % 2 === 0 ? TIGHT_BOUNDS : undefined;
    const way = TRY_WAYS[seed % TRY_WAYS.length] ?? 'queue';
    await open(async (db) => {
      report(await randomHistory(new FinalizationWorld(db, { bounds, way, seed }), seed));
    });
    total.runs += 1;
  }
  console.log(
    `${count} random histories on ${name}, seeds from ${SEED}: ` +
      `${total.violations - before} violations, ${seconds(startedAt)} s`,
  );
}

async function samplePglite(): Promise<void> {
  const instance = await PGlite.create();
  let number = 0;
  await runHistories('PGlite', SAMPLE, async (run) => {
    const db = fromPglite(instance, {
      schema: `sample_${number++}`,
      migrations: [POSTLUDE_MIGRATIONS],
    });
    await db.migrate();
    await run(db);
    await db.close();
  });
  await instance.close();
}

async function samplePostgres(): Promise<void> {
  const server = await startPostgres({ settings: fastSettings });
  let number = 0;
  try {
    await runHistories('PostgreSQL', SAMPLE, async (run) => {
      const db = await openPostgres({
        url: server.url,
        schema: `sample_${number++}`,
        migrations: [POSTLUDE_MIGRATIONS],
      });
      await db.migrate();
      await run(db);
      await db.close();
    });
  } finally {
    await server.stop();
  }
}

function report(violations: readonly string[]): void {
  total.violations += violations.length;
  for (const violation of violations) console.error(violation);
}

function seconds(startedAt: number): number {
  return Math.round((performance.now() - startedAt) / 1000);
}
