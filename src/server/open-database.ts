/** Opens the configured database, and requires the schema of this version. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Database } from '../storage/database.ts';
import { loadMigrations } from '../storage/migrator.ts';
import { openPglite } from '../storage/pglite/database.ts';
import { MIGRATIONS_FOLDER as POSTGRES_MIGRATIONS } from '../storage/postgres/migration-target.ts';
import { openPostgres } from '../storage/postgres/open.ts';
import { MIGRATIONS_FOLDER as SPANNER_MIGRATIONS } from '../storage/spanner/migration-target.ts';
import { openSpanner } from '../storage/spanner/open.ts';
import type { Config } from './config/config.ts';
import { explainTrouble } from './database-trouble.ts';

export type DatabaseConfig = Pick<
  Config,
  'database' | 'schema' | 'databaseConnections' | 'spannerEmulatorHost'
> &
  Partial<Pick<Config, 'statementTimeoutMs'>>;

export interface DatabaseParts {
  readonly log: Log;
  readonly clock: Clock;
}

/** Opens the database, whichever schema it has. */
export function openDatabase(config: DatabaseConfig, parts: DatabaseParts): Promise<Database> {
  const { database, schema, databaseConnections, statementTimeoutMs, spannerEmulatorHost } = config;
  const { log } = parts;
  switch (database.kind) {
    case 'memory':
      return openPglite({ schema, log });
    case 'pglite':
      return openPglite({ dataDir: database.folder, schema, log });
    case 'postgres':
      return openPostgres({
        ...parts,
        url: database.url,
        schema,
        maxConnections: databaseConnections,
        ...(statementTimeoutMs === undefined ? {} : { statementTimeoutMs }),
      });
    case 'spanner':
      return openSpanner({
        ...parts,
        database: database.url,
        maxConnections: databaseConnections,
        ...(spannerEmulatorHost === undefined ? {} : { emulatorHost: spannerEmulatorHost }),
      });
  }
}

/**
 * Opens the database, and migrates it if the configuration allows that; otherwise an old schema throws
 * `schema-too-old`. Throws `schema-too-new` if a newer version of postlude has migrated the database.
 * Errors name the database.
 */
export async function openReadyDatabase(
  config: DatabaseConfig & Pick<Config, 'autoMigrate'>,
  parts: DatabaseParts,
): Promise<Database> {
  return await explained(config, async () => {
    const database = await openDatabase(config, parts);
    try {
      if (config.autoMigrate) await migrate(database, parts.log);
      else await database.checkSchema();
      return database;
    } catch (error) {
      await database.close();
      throw error;
    }
  });
}

/** Migrates the configured database, as `postlude migrate` does, and returns the applied migrations. */
export async function migrateDatabase(
  config: DatabaseConfig,
  parts: DatabaseParts,
): Promise<readonly string[]> {
  return await explained(config, async () => {
    const database = await openDatabase(config, parts);
    try {
      return await migrate(database, parts.log);
    } finally {
      await database.close();
    }
  });
}

async function explained<T>({ database }: DatabaseConfig, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    throw explainTrouble(database, error);
  }
}

async function migrate(database: Database, log: Log): Promise<readonly string[]> {
  const applied = await database.migrate();
  if (applied.length > 0) log.info('migrated the database', { applied });
  return applied;
}

/** Returns the name of the last migration of this version. */
export async function schemaVersion({ database }: Pick<Config, 'database'>): Promise<string> {
  const isSpanner = database.kind === 'spanner';
  const migrations = await loadMigrations(isSpanner ? SPANNER_MIGRATIONS : POSTGRES_MIGRATIONS);
  return migrations.at(-1)?.name ?? 'none';
}
