/**
 * Gives the test run a PostgreSQL server: the one of DATABASE_URL, or its own. Where none can be
 * had, tests on PostgreSQL are skipped, loudly; with CI set, that is a failure.
 */
import type { TestProject } from 'vitest/node';
import { fastSettings, startPostgres } from './support/databases/postgres-server.ts';

export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const { DATABASE_URL, DATABASES, CI } = process.env;
  project.provide('postgresUrl', DATABASE_URL ?? '');
  if (DATABASE_URL || (DATABASES && !DATABASES.includes('postgres'))) return undefined;
  try {
    const server = await startPostgres({ settings: fastSettings });
    project.provide('postgresUrl', server.url);
    return () => server.stop();
  } catch (error) {
    if (CI) throw error;
    console.error('\n!! PostgreSQL cannot start here: its tests are SKIPPED.\n', error);
    return undefined;
  }
}
