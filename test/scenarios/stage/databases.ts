/** Databases for scenarios, which also run outside of the test runner: one server, many databases. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomHex } from '@postlude/queue/foundations';
import type { ServerDatabase } from '../../server-databases.ts';
import { fastSettings, startPostgres } from '../../support/databases/postgres-server.ts';
import { openSpannerAdmin, testDatabaseUrl } from '../../support/spanner/spanner-admin.ts';
import { startSpannerEmulator } from '../../support/spanner/spanner-emulator.ts';

export const DATABASES = ['pglite', 'postgres', 'spanner'] as const;
export type DatabaseName = (typeof DATABASES)[number];

export interface DatabaseSource {
  /** Makes an empty database, and returns settings for the server that migrates it. */
  open(): Promise<ServerDatabase>;
  close(): Promise<void>;
}

/** Rejects if the database cannot be opened: a scenario that did not run must not pass. */
export async function startDatabases(name: DatabaseName): Promise<DatabaseSource> {
  return await { pglite, postgres, spanner }[name]();
}

async function pglite(): Promise<DatabaseSource> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-scenario-data-'));
  return {
    open: async () => ({ POSTLUDE_DATABASE: `pglite:${join(folder, randomHex(6))}` }),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

async function postgres(): Promise<DatabaseSource> {
  const server = await startPostgres({ settings: fastSettings });
  return {
    open: async () => ({
      POSTLUDE_DATABASE: server.url,
      POSTLUDE_SCHEMA: `scenario_${randomHex(6)}`,
    }),
    close: () => server.stop(),
  };
}

async function spanner(): Promise<DatabaseSource> {
  const emulator = await startSpannerEmulator();
  if (emulator === undefined) throw new Error('there is no Spanner emulator: npm run emulators');
  const { host } = emulator;
  return {
    open: async () => {
      const name = `scenario_${randomHex(6)}`;
      const admin = await openSpannerAdmin(host);
      await admin.createDatabase(name);
      await admin.close();
      return { POSTLUDE_DATABASE: testDatabaseUrl(name), SPANNER_EMULATOR_HOST: host };
    },
    close: () => emulator.stop(),
  };
}
