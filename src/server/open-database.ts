/** Opens the configured database, and requires the schema of this version. */
import type { Clock, Log } from '@postlude/queue/foundations';
import { openPglite } from '@postlude/queue/pglite';
import { openPostgres } from '@postlude/queue/postgres';
import { openSpanner } from '@postlude/queue/spanner';
import type { Database } from '@postlude/queue/storage';
import { loadMigrations } from '@postlude/queue/storage';
import { POSTLUDE_MIGRATIONS } from '../migrations/migrations.ts';
import { presentCaller } from './admission/caller-scope.ts';
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
  const common = { ...parts, migrations: [POSTLUDE_MIGRATIONS] };
  const embedded = { ...common, schema, callerOf: presentCaller };
  switch (database.kind) {
    case 'memory':
      return openPglite(embedded);
    case 'pglite':
      return openPglite({ ...embedded, dataDir: database.folder });
    case 'postgres':
      return openPostgres({
        ...common,
        url: database.url,
        schema,
        maxConnections: databaseConnections,
        ...(statementTimeoutMs === undefined ? {} : { statementTimeoutMs }),
      });
    case 'spanner':
      return openSpanner({
        ...common,
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
  const kind = database.kind === 'spanner' ? 'spanner' : 'postgres';
  const migrations = await loadMigrations(kind, [POSTLUDE_MIGRATIONS]);
  return migrations.at(-1)?.name ?? 'none';
}
