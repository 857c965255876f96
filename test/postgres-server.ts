/**
 * Gives the test run a PostgreSQL server: the one that DATABASE_URL names, or one of its own. If neither
 * is available, tests on PostgreSQL are skipped with a message; if CI is set, that is a failure.
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
