/**
 * The checks of the configured database: whether it is reachable, its clock, its schema and, on Cloud
 * Spanner, the permissions of this machine's account.
 */
import { type Clock, hasCode, silentLog, toError } from '@postlude/queue/foundations';
import { type MissingPermissions, parseDatabaseName } from '@postlude/queue/spanner';
import { type Database, ServerClock } from '@postlude/queue/storage';
import type { DatabaseConfig } from '../../server/open-database.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

export type CheckedDatabase = DatabaseConfig & { readonly autoMigrate: boolean };

/** With a larger skew, certificates, tokens and deadlines begin to fail. */
export const MAX_CLOCK_SKEW_MS = 10_000;

export async function checkDatabase(config: CheckedDatabase, clock: Clock): Promise<Finding[]> {
  const [database, permissions] = await Promise.all([
    checkOpened(config, clock),
    checkPermissions(config),
  ]);
  // Leaves out permission warnings if the database error already explains the failure.
  const isAway = database.some(({ check, level }) => check === 'database' && level === 'problem');
  return [...database, ...permissions.filter(({ level }) => !isAway || level !== 'warning')];
}

async function checkOpened(config: CheckedDatabase, clock: Clock): Promise<Finding[]> {
  try {
    const { openDatabase } = await import('../../server/open-database.ts');
    const database = await openDatabase(config, { log: silentLog, clock });
    try {
      const skew = await checkDatabaseClock(database, clock);
      return [ok('database', 'reachable'), skew, await checkSchema(database, config)];
    } finally {
      await database.close();
    }
  } catch (error) {
    return [problem('database', `${toError(error).message}${whatToDo(config, error)}`)];
  }
}

function whatToDo({ database, spannerEmulatorHost }: CheckedDatabase, error: unknown): string {
  if (/default credentials/i.test(toError(error).message)) {
    return ' Or run: gcloud auth application-default login';
  }
  if (hasCode(error, 'not-found') && database.kind === 'spanner') {
    const { project, instance, database: name } = parseDatabaseName(database.url);
    return `; create it: gcloud spanner databases create ${name} --instance=${instance} --project=${project}`;
  }
  if (!hasCode(error, 'unavailable')) return '';
  return database.kind === 'spanner' && spannerEmulatorHost !== undefined
    ? `; start the emulator at ${spannerEmulatorHost}, or unset SPANNER_EMULATOR_HOST`
    : '; start it, or correct the setting "database"';
}

/** Servers measure this difference and compensate for it; this machine's tokens and deadlines do not. */
export async function checkDatabaseClock(
  database: Pick<Database, 'serverTime'>,
  machineClock: Clock,
): Promise<Finding> {
  const clock = new ServerClock(database, machineClock);
  await clock.sync();
  const { offsetMs, uncertaintyMs } = clock;
  const isOff = Math.abs(offsetMs) - uncertaintyMs > MAX_CLOCK_SKEW_MS;
  if (!isOff) return ok('clock', `in step with the database's, ${describeSkew(clock)}`);
  const relation = offsetMs > 0 ? 'behind' : 'ahead of';
  const seconds = Math.round(Math.abs(offsetMs) / 1000);
  return warning('clock', `${seconds} s ${relation} the database's: set this machine's clock`);
}

function describeSkew({ offsetMs, uncertaintyMs }: ServerClock): string {
  return `${Math.abs(Math.round(offsetMs))} ms off, give or take ${Math.ceil(uncertaintyMs)}`;
}

async function checkSchema(database: Database, config: CheckedDatabase): Promise<Finding> {
  try {
    await database.checkSchema();
  } catch (error) {
    const { message } = toError(error);
    const isAppliedBySelf = hasCode(error, 'schema-too-old') && config.autoMigrate;
    if (!isAppliedBySelf) return problem('schema', message);
    return warning('schema', `${message}, or start the server, which does so`);
  }
  const { schemaVersion } = await import('../../server/open-database.ts');
  return ok('schema', `of this version: ${await schemaVersion(config)}`);
}

async function checkPermissions(config: CheckedDatabase): Promise<Finding[]> {
  const { database, spannerEmulatorHost: emulatorHost } = config;
  if (database.kind !== 'spanner') return [];
  try {
    const { findMissingPermissions } = await import('@postlude/queue/spanner');
    const options = emulatorHost === undefined ? {} : { emulatorHost };
    return [
      describePermissions(await findMissingPermissions({ database: database.url, ...options })),
    ];
  } catch (error) {
    return [warning('permissions', `not checked: ${toError(error).message}`)];
  }
}

export function describePermissions(missing: MissingPermissions | 'unknown'): Finding {
  if (missing === 'unknown') return ok('permissions', 'not checked: the emulator has no IAM');
  const { toRun, toMigrate, remedy } = missing;
  if (toRun.length > 0) {
    const all = [...toRun, ...toMigrate].join(', ');
    return problem('permissions', `this machine's account lacks ${all}; grant them: ${remedy}`);
  }
  if (toMigrate.length === 0) return ok('permissions', 'all those that postlude needs');
  const message = `all but ${toMigrate.join(', ')}, which migrations need: ${remedy}`;
  return warning('permissions', message);
}
