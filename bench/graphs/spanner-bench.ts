/** Shared by the benches of Spanner: an emulator for the bench, and databases that count their calls. */

import { parseDatabaseName } from '@postlude/queue/spanner';
import type { Database } from '@postlude/queue/storage';
import { openLibrary } from '../../packages/queue/src/storage/spanner/calls/library.ts';
import { SpannerDatabase } from '../../packages/queue/src/storage/spanner/database.ts';
import { POSTLUDE_MIGRATIONS } from '../../src/migrations/migrations.ts';
import { openSpannerAdmin, testDatabaseUrl } from '../../test/support/spanner/spanner-admin.ts';
import { startSpannerEmulator } from '../../test/support/spanner/spanner-emulator.ts';
import { type CallCounts, countCalls } from './spanner-calls.ts';

export interface CountedDatabase {
  readonly db: Database;
  /** Counts of the calls since the database was opened. */
  counts(): CallCounts;
}

export type OpenCounted = (name: string) => Promise<CountedDatabase>;

/** Starts the emulator, runs `bench`, and stops the emulator. Throws if this machine has none. */
export async function onSpanner(bench: (open: OpenCounted) => Promise<void>): Promise<void> {
  const emulator = await startSpannerEmulator();
  if (!emulator) throw new Error('this machine has no Spanner emulator: npm run emulators');
  const { host } = emulator;
  const admin = await openSpannerAdmin(host);
  try {
    await bench(async (database) => {
      await admin.createDatabase(database);
      return await openCounted(database, host);
    });
  } finally {
    await admin.close();
    await emulator.stop();
  }
}

async function openCounted(database: string, emulatorHost: string): Promise<CountedDatabase> {
  const name = parseDatabaseName(testDatabaseUrl(database));
  const real = await openLibrary({ projectId: name.project, emulatorHost });
  const { library, counts } = countCalls(real);
  const db = new SpannerDatabase({
    library,
    name,
    migrations: [POSTLUDE_MIGRATIONS],
    maxConnections: 100,
    serialWrites: true,
  });
  await db.migrate();
  return { db, counts: () => ({ ...counts }) };
}

export function difference(after: CallCounts, before: CallCounts): CallCounts {
  return {
    commits: after.commits - before.commits,
    reads: after.reads - before.reads,
    mutations: after.mutations - before.mutations,
    aborts: after.aborts - before.aborts,
  };
}

export function each({ commits, reads, mutations }: CallCounts, number: number) {
  return {
    commits: round(commits / number),
    reads: round(reads / number),
    mutations: round(mutations / number),
  };
}

/** Rounds to three decimals. */
export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
