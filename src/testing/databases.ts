/**
 * Databases for tests: PGlite, and PostgreSQL where the run has a server. DATABASES=pglite,postgres
 * selects. Each call of `open` answers a migrated database in a schema of its own, which goes when
 * the test ends; so tests never see each other's rows.
 *
 *     eachDatabase((open) => {
 *       test('keeps what is written', async () => {
 *         const db = await open();
 *       });
 *     });
 */
import { PGlite } from '@electric-sql/pglite';
import { describe, onTestFinished } from 'vitest';
import { randomHex } from '../random.ts';
import type { Database } from '../storage/database.ts';
import { fromPglite } from '../storage/pglite/database.ts';

export interface OpenOptions {
  /** `false` leaves the schema to be made by the test. */
  readonly migrated?: boolean;
}

export type OpenDatabase = (options?: OpenOptions) => Promise<Database>;

/** Describes `suite` once on each database. */
export function eachDatabase(suite: (open: OpenDatabase, name: string) => void): void {
  const wanted = process.env.DATABASES?.split(',') ?? ['pglite', 'postgres'];
  describe.runIf(wanted.includes('pglite'))('pglite', () => suite(openTestPglite, 'pglite'));
}

/** A PGlite database in a fresh schema, which goes when the test ends. */
export async function openTestPglite(options: OpenOptions = {}): Promise<Database> {
  const instance = await sharedPglite();
  const schema = `test_${randomHex(8)}`;
  const database = fromPglite(instance, { schema });
  onTestFinished(async () => {
    await database.close();
    await instance.exec(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  });
  if (options.migrated !== false) await database.migrate();
  return database;
}

let pglite: Promise<PGlite> | undefined;

/** One instance a worker process: it takes seconds to start and half a gigabyte to keep. */
function sharedPglite(): Promise<PGlite> {
  pglite ??= PGlite.create();
  return pglite;
}
